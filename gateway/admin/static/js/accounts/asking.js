/** Which accounts something is about, and whether it is to be done to them. */

import { button, confirmed, dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { number } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { hindrance } from "./fitting.js";

const HANDFUL = 10;

/** One account by its name, more by their number. */
export const counted = (names) => (names.length === 1 ? names[0] : t("accounts.count", { n: number(names.length) }));

/** The first names, how many more there are, and how many of all the filter hides. */
export function named(names, hidden = 0) {
  const more = names.length - HANDFUL;
  return [
    names.length > 1 && h("ul", { class: "names" }, names.slice(0, HANDFUL).map((name) => h("li", {}, name))),
    more > 0 && h("p", { class: "muted" }, t("accounts.more", { n: number(more) })),
    hidden > 0 && h("p", { class: "warn" }, t("accounts.hidden", { n: number(hidden) })),
  ].filter(Boolean);
}

/** Whether an action is to be done: asked before deleting, and before all else that is about more than a handful. */
export async function agreed(id, names, hidden = 0) {
  const deletes = id === "delete";
  if (!deletes && names.length <= HANDFUL) return true;
  const label = t(`action.${id}`);
  const title = `${label} · ${counted(names)}`;
  const kept = deletes ? names.filter(stays) : [];
  const left = kept.length > 0 && h("p", { class: "warn" }, t("accounts.delete_not", { n: number(kept.length) }));
  if (kept.length === names.length) {
    tell(title, names.length === 1 ? h("p", {}, stays(names[0])) : [left, named(names, hidden)]);
    return false;
  }
  const why = deletes ? t("accounts.delete_sure") : t("accounts.many_sure", { action: label, n: number(names.length) });
  return confirmed(title, [h("p", {}, why), left, named(names, hidden)], label, deletes);
}

/** Why it cannot be deleted here, in words; "" where it can. */
function stays(name) {
  const account = store.accounts.get(name);
  return account ? hindrance("delete", account) : "";
}

/** Says what cannot be done, where there is nothing to ask. */
function tell(title, body) {
  const box = dialog(title, body, { look: "narrow", footer: [button(t("action.close"), () => box.close())] });
}
