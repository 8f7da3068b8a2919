/** Which accounts something is about, and whether it is to be done to them. */

import { confirmed } from "../dialogs.js";
import { h } from "../dom.js";
import { number } from "../format.js";
import { t } from "../i18n.js";

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
  const why = deletes ? t("accounts.delete_sure") : t("accounts.many_sure", { action: label, n: number(names.length) });
  return confirmed(`${label} · ${counted(names)}`, [h("p", {}, why), named(names, hidden)], label, deletes);
}
