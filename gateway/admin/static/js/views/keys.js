/** Keys of clients: who has one, what it may do, and what it has done today. */

import { get, remove } from "../api.js";
import { button, confirmed, dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { ago, compact, date, moment, number } from "../format.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { keyForm } from "./key_form.js";

const COLUMNS = ["name", "prefix", "limits", "requests", "errors", "tokens", "last_used"];
const FIGURES = ["requests", "errors", "tokens"];

export function mount(frame, signal) {
  const body = h("div", {}, h("p", { class: "empty" }, t("accounts.loading")));
  const make = () => keyForm(null, load);
  frame.append(
    h("div", { class: "bar" }, h("h1", {}, t("view.keys")), button([icon("add"), t("keys.create")], make, "primary")),
    h("p", { class: "muted" }, t("keys.hint")),
    h("section", { class: "panel" }, body),
  );

  async function load() {
    try {
      const { keys } = await get("/keys");
      if (!signal.aborted) body.replaceChildren(keys.length ? list(keys, load) : h("p", { class: "empty" }, t("keys.none")));
    } catch (error) {
      body.replaceChildren(h("p", { class: "callout tone-bad", role: "alert" }, error.message));
    }
  }
  load();
}

function list(keys, load) {
  const head = (id) => h("th", { scope: "col", class: FIGURES.includes(id) ? "figure" : "" }, t(`column.${id}`));
  const sorted = [...keys].sort((one, other) => (one.revoked ?? 0) - (other.revoked ?? 0) || one.name.localeCompare(other.name));
  return h(
    "div",
    { class: "table-frame" },
    h(
      "table",
      { class: "cards" },
      h("caption", { class: "unseen" }, t("view.keys")),
      h("thead", {}, h("tr", {}, COLUMNS.map(head), h("th", { scope: "col" }, h("span", { class: "unseen" }, t("keys.tools"))))),
      h("tbody", {}, sorted.map((key) => row(key, load))),
    ),
  );
}

function row(key, load) {
  const { today } = key;
  const cell = (id, content) => h("td", { class: FIGURES.includes(id) ? "figure" : "", "data-label": t(`column.${id}`) }, content);
  const mark = key.revoked !== null ? t("keys.revoked", { day: date(key.revoked) }) : key.origin === "settings" ? t("keys.settings") : "";
  return h(
    "tr",
    { class: key.revoked === null ? "" : "over" },
    h("th", { scope: "row" }, h("div", {}, key.name, " ", mark && h("span", { class: "tag" }, mark)), created(key)),
    cell("prefix", h("span", { class: "mono muted" }, key.prefix)),
    cell("limits", limits(key.limits)),
    cell("requests", number(today.requests)),
    cell("errors", number(today.errors)),
    cell("tokens", compact(today.prompt_tokens + today.completion_tokens)),
    h("td", { class: "whole", "data-label": t("column.last_used") }, ago(key.last_used)),
    h("td", { class: "tools" }, key.revoked === null && key.origin === "operator" ? tools(key, load) : ""),
  );
}

const created = ({ created: at }) =>
  at ? h("div", { class: "muted small", title: moment(at) }, t("keys.created", { day: date(at) })) : null;

function limits({ requests_per_minute: minute, tokens_per_day: tokens, concurrent, models }) {
  const words = [
    minute && t("keys.minute", { n: number(minute) }),
    tokens && t("keys.tokens", { n: compact(tokens) }),
    concurrent && t("keys.at_once", { n: number(concurrent) }),
    models?.join(", "),
  ].filter(Boolean);
  return words.length ? words.join(" · ") : h("span", { class: "muted" }, t("limits.unlimited"));
}

function tools(key, load) {
  async function revoke() {
    if (!(await confirmed(`${t("keys.revoke")} · ${key.name}`, h("p", {}, t("keys.revoke_sure")), t("keys.revoke")))) return;
    try {
      await remove(`/keys/${encodeURIComponent(key.id)}`);
    } catch (error) {
      dialog(t("keys.revoke"), h("p", { class: "fault" }, error.message), { look: "narrow" });
    }
    load();
  }
  const named = (label) => ({ "aria-label": `${label}: ${key.name}` });
  return h(
    "span",
    { class: "choices" },
    h("button", { class: "quiet", type: "button", ...named(t("keys.edit")), onClick: () => keyForm(key, load) }, t("keys.edit")),
    h("button", { class: "quiet bad", type: "button", ...named(t("keys.revoke")), onClick: revoke }, t("keys.revoke")),
  );
}
