/** The limits of one account or of many. */

import { formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { limit } from "./actions.js";
import { counted, named } from "./asking.js";

const FIELDS = [
  { id: "max_concurrency", min: 1, step: 1 },
  { id: "requests_per_minute", min: 0, step: 1 },
  { id: "weight", min: 0.001, step: "any" },
  { id: "priority", step: 1 },
];

/** Opens the form; a field that stays empty leaves what is. `done` is called with those that were changed. */
export function editLimits(names, hidden = 0, done = () => {}) {
  const only = names.length === 1 ? store.accounts.get(names[0]) : null;
  const inputs = FIELDS.map(({ id, min, step }) =>
    h("input", { id: `limit-${id}`, name: id, type: "number", min, step, value: String(only?.[id] ?? ""), "aria-describedby": `note-${id}` }),
  );
  const fields = FIELDS.map(({ id }, index) =>
    h(
      "div",
      { class: "field" },
      h("label", { for: `limit-${id}` }, t(`limits.${id}`)),
      inputs[index],
      h("span", { class: "muted small", id: `note-${id}` }, t(`limits.${id}_note`)),
    ),
  );
  const body = [h("p", { class: "muted" }, t("limits.hint")), h("div", { class: "fields" }, fields), named(names, hidden)];
  formDialog(`${t("action.edit")} · ${counted(names)}`, body, t("action.save"), async (box) => {
    const limits = Object.fromEntries(inputs.filter(({ value }) => value !== "").map(({ name, value }) => [name, Number(value)]));
    if (!Object.keys(limits).length) throw new Error(t("limits.none"));
    box.close();
    done(await limit(names, limits));
  });
}
