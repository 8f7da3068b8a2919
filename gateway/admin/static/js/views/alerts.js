/** What is wrong at present, where that is told, and a trial of it. */

import { about } from "../accounts/told.js";
import { again } from "../again.js";
import { get, post } from "../api.js";
import { h, write } from "../dom.js";
import { button, dialog } from "../dialogs.js";
import { ago } from "../format.js";
import { t, word } from "../i18n.js";
import { icon } from "../icons.js";
import { on } from "../store.js";

const RETRY_SECONDS = 5;

/** Its `root`, and `show` for an overview. */
export function alertsPanel(signal) {
  const list = h("ul", { class: "alerts" });
  const destinations = h("p", { class: "muted small inner" });
  const test = button([icon("bell"), t("alerts.test")], tryAll);
  let shown = "";
  let failed = false;
  let ages = []; // what tells since when, of each alert
  test.disabled = true;

  async function load() {
    failed = false;
    try {
      const { destinations: there } = await get("/alerts");
      test.disabled = !there.length;
      destinations.textContent = there.length ? t("alerts.told_to", { names: there.join(", ") }) : t("alerts.told_to_nobody");
    } catch (error) {
      failed = true;
      destinations.textContent = error.message;
    }
  }

  async function tryAll() {
    test.disabled = true;
    try {
      const { results } = await post("/alerts/test");
      dialog(t("alerts.test"), h("ul", { class: "report" }, results.map(result)), { look: "narrow" });
    } catch (error) {
      dialog(t("alerts.test"), h("p", { class: "fault" }, error.message), { look: "narrow" });
    }
    test.disabled = false;
  }

  function show(overview) {
    const alerts = overview.redis.up ? overview.alerts : [];
    const rest = alerts.length ? null : quiet(overview);
    const now = JSON.stringify([alerts, rest]);
    if (now === shown) return;
    shown = now;
    const entries = alerts.map(entry);
    ages = entries.map(({ age }) => age);
    list.replaceChildren(...(rest ? [line(rest.look, h("div", { class: "muted" }, rest.text))] : entries.map(({ root }) => root)));
  }

  on("tick", () => ages.forEach((age) => age()), signal);
  again(() => failed && load(), RETRY_SECONDS, signal);
  load();
  const root = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("alerts.title")), test), list, destinations);
  return { root, show };
}

/** What to say without an alert: that all is well only where that is known, and where somebody can be served. */
function quiet({ redis, pool, refreshers }) {
  if (!redis.up) return { look: "blind", text: t("alerts.unknown") };
  if (!pool.total) return { look: "blind", text: t("accounts.none") };
  if (!pool.usable) return { look: "failed", text: t("alerts.unusable") };
  return refreshers.length ? { look: "ok", text: t("alerts.none") } : { look: "failed", text: t("alert.silent") };
}

const line = (look, ...content) => h("li", {}, h("i", { class: `dot ${look}` }), ...content);

/** Its `root`, and `age`, which writes how old it is by now. */
function entry({ rule, subject, message, since }) {
  const past = h("span", { class: "muted small" });
  const age = () => write(past, ago(since));
  age();
  const words = word("alert", rule, message).replace("{names}", () => about(subject));
  return { root: line("failed", h("div", {}, h("b", {}, word("rule", rule)), " ", past, h("p", {}, words))), age };
}

const result = ({ destination, ok, message }) =>
  h("li", {}, h("i", { class: `dot ${ok ? "ok" : "failed"}` }), h("b", {}, destination), h("span", { class: "muted" }, message));
