/** The row of a key, and what can be done with the key. */

import { remove } from "../api.js";
import { confirmed, dialog } from "../dialogs.js";
import { h, mark, write } from "../dom.js";
import { ago, compact, date, moment, number } from "../format.js";
import { t } from "../i18n.js";
import { keyForm } from "./key_form.js";

export const COLUMNS = ["name", "prefix", "limits", "requests", "errors", "tokens", "last_used"];
export const FIGURES = ["requests", "errors", "tokens"];

/** Its `root`, `show`, which writes what the key is by now, and `tick`; `changed` is called when something was stored. */
export function keyRow({ id, origin, created }, changed) {
  let key;
  const name = h("span");
  const tag = h("span", { class: "tag" });
  const cells = Object.fromEntries(COLUMNS.slice(1).map((column) => [column, cell(column)]));
  const prefix = cells.prefix.appendChild(h("span", { class: "mono muted" }));
  const limits = cells.limits.appendChild(h("span"));
  const edit = h("button", { class: "quiet", type: "button", onClick: () => keyForm(key, changed) }, t("keys.edit"));
  const end = h("button", { class: "quiet bad", type: "button", onClick: revoke }, t("keys.revoke"));
  const tools = h("td", { class: "tools" }, origin === "operator" && h("span", { class: "choices" }, edit, end));
  const made = created && h("div", { class: "muted small", title: moment(created) }, t("keys.created", { day: date(created) }));
  const root = h("tr", {}, h("th", { scope: "row" }, h("div", {}, name, " ", tag), made || null), Object.values(cells), tools);

  function show(now) {
    key = now;
    const over = key.revoked !== null;
    root.classList.toggle("over", over);
    if (over) tools.replaceChildren();
    write(name, key.name);
    write(tag, over ? t("keys.revoked", { day: date(key.revoked) }) : origin === "settings" ? t("keys.settings") : "");
    tag.hidden = !tag.textContent;
    write(prefix, key.prefix);
    write(limits, allowed(key.limits) || t("limits.unlimited"));
    mark(limits, "class", allowed(key.limits) ? "" : "muted");
    write(cells.requests, number(key.today.requests));
    write(cells.errors, number(key.today.errors));
    write(cells.tokens, compact(key.today.prompt_tokens + key.today.completion_tokens));
    mark(edit, "aria-label", `${t("keys.edit")}: ${key.name}`);
    mark(end, "aria-label", `${t("keys.revoke")}: ${key.name}`);
    tick();
  }

  function tick() {
    write(cells.last_used, ago(key.last_used));
  }

  async function revoke() {
    if (!(await confirmed(`${t("keys.revoke")} · ${key.name}`, h("p", {}, t("keys.revoke_sure")), t("keys.revoke")))) return;
    try {
      await remove(`/keys/${encodeURIComponent(id)}`);
    } catch (error) {
      dialog(t("keys.revoke"), h("p", { class: "fault" }, error.message), { look: "narrow" });
    }
    changed();
  }
  return { root, show, tick };
}

function cell(id) {
  const look = FIGURES.includes(id) ? "figure" : id === "last_used" ? "whole" : "";
  return h("td", { class: look, "data-label": t(`column.${id}`) });
}

/** What its limits are, in words; "" without any. */
function allowed({ requests_per_minute: minute, tokens_per_day: tokens, concurrent, models }) {
  const words = [
    minute && t("keys.minute", { n: number(minute) }),
    tokens && t("keys.tokens", { n: compact(tokens) }),
    concurrent && t("keys.at_once", { n: number(concurrent) }),
    models && t("keys.named", { names: models.join(", ") }),
  ];
  return words.filter(Boolean).join(" · ");
}
