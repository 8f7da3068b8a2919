/** The limits of one account or of many. */

import { formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { limit } from "./actions.js";
import { counted, named } from "./asking.js";

const FIELDS = [
  { id: "max_concurrency", min: 1, max: 10_000, step: 1 },
  { id: "requests_per_minute", min: 0, max: 1_000_000, step: 1 },
  { id: "weight", min: 0.001, max: 1_000_000, step: "any" },
  { id: "priority", min: -1000, max: 1000, step: 1 },
];

const now = (names) => (names.length === 1 ? store.accounts.get(names[0]) : null) ?? {};

/**
 * Opens the form; a field that stays empty leaves what is. `done` is called with those that it came to. Where nothing
 * worked the form is there again after the report, with what was `written` into it.
 */
export function editLimits(names, hidden = 0, done = () => {}, written = now(names)) {
  const inputs = FIELDS.map(({ id, min, max, step }) =>
    h("input", { id: `limit-${id}`, name: id, type: "number", min, max, step, value: String(written[id] ?? ""), "aria-describedby": `note-${id}` }),
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
    const { came, worked } = await limit(names, limits);
    if (worked) done(came);
    else editLimits(names, hidden, done, limits);
  });
}
