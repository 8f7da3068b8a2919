/** What is wrong at present, where that is told, and a trial of it. */

import { about } from "../accounts/told.js";
import { get, post } from "../api.js";
import { h } from "../dom.js";
import { button, dialog } from "../dialogs.js";
import { ago } from "../format.js";
import { t, word } from "../i18n.js";
import { icon } from "../icons.js";

/** Its `root`, and `show` for the alerts of an overview. */
export function alertsPanel() {
  const list = h("ul", { class: "alerts" });
  const destinations = h("p", { class: "muted small inner" });
  const test = button([icon("bell"), t("alerts.test")], tryAll);
  let shown = "";
  test.disabled = true;

  async function load() {
    try {
      const { destinations: there } = await get("/alerts");
      test.disabled = !there.length;
      destinations.textContent = there.length ? t("alerts.told_to", { names: there.join(", ") }) : t("alerts.told_to_nobody");
    } catch (error) {
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

  function show(alerts) {
    const now = JSON.stringify(alerts);
    if (now === shown) return;
    shown = now;
    list.replaceChildren(...(alerts.length ? alerts.map(entry) : [quiet()]));
  }

  load();
  const root = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("alerts.title")), test), list, destinations);
  return { root, show };
}

const quiet = () => h("li", {}, h("i", { class: "dot ok" }), h("div", { class: "muted" }, t("alerts.none")));

const entry = ({ rule, subject, message, since }) =>
  h(
    "li",
    {},
    h("i", { class: "dot failed" }),
    h("div", {}, h("b", {}, word("rule", rule)), " ", h("span", { class: "muted small" }, ago(since)), h("p", {}, word("alert", rule, message).replace("{names}", () => about(subject)))),
  );

const result = ({ destination, ok, message }) =>
  h("li", {}, h("i", { class: `dot ${ok ? "ok" : "failed"}` }), h("b", {}, destination), h("span", { class: "muted" }, message));
