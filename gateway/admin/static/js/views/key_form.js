/** Making a key and changing one. What was made is shown once. */

import { patch, post } from "../api.js";
import { button, dialog, formDialog } from "../dialogs.js";
import { copy, h } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";

/** Each with the most that it may be. */
const MOST = { requests_per_minute: 100_000, tokens_per_day: 1_000_000_000_000, concurrent: 10_000 };
const LIMITS = Object.keys(MOST);

/** Opens the form for a new key, or for `key`; `changed` is called when something was stored. */
export function keyForm(key, changed) {
  const name = h("input", { id: "key-name", required: true, maxlength: 64, value: key?.name ?? "", autocomplete: "off" });
  const inputs = LIMITS.map((id) => h("input", { id: `key-${id}`, type: "number", min: 1, max: MOST[id], step: 1, placeholder: t("limits.unlimited"), value: String(key?.limits[id] ?? "") }));
  const models = h("input", { id: "key-models", value: key?.limits.models?.join(", ") ?? "", placeholder: t("keys.all_models"), autocomplete: "off", spellcheck: "false" });
  const field = (id, input, note) => h("div", { class: "field" }, h("label", { for: input.id }, t(`keys.${id}`)), input, note && h("span", { class: "muted small" }, note));
  const body = [
    field("name", name),
    h("div", { class: "fields" }, LIMITS.map((id, index) => field(id, inputs[index]))),
    field("models", models, t("keys.models_note")),
  ];

  /** Those limits that are others than the key has: what somebody else changed meanwhile stays. */
  function written() {
    const list = models.value.split(/[\s,，]+/).filter(Boolean);
    const limits = inputs.map(({ value }, index) => [LIMITS[index], value === "" ? null : Number(value)]);
    const all = [...limits, ["models", list.length ? list : null]];
    return Object.fromEntries(all.filter(([id, limit]) => String(limit) !== String(key?.limits[id] ?? null)));
  }

  async function store(box) {
    const wish = { name: name.value.trim(), limits: written() };
    const made = key ? await patch(`/keys/${encodeURIComponent(key.id)}`, wish) : await post("/keys", wish);
    box.close();
    changed();
    if (made.key) reveal(made);
  }
  formDialog(t(key ? "keys.edit" : "keys.create"), body, t(key ? "action.save" : "keys.create"), store);
}

/** Shows a new key, which cannot be shown again. */
function reveal({ key, name }) {
  const field = h("input", { class: "mono", id: "new-key", readonly: true, value: key, "aria-label": t("keys.key"), onFocus: () => field.select() });
  const take = h("button", { type: "button", class: "primary", onClick: copied }, icon("copy"), t("action.copy"));
  const said = h("p", { class: "unseen", role: "status" });
  async function copied() {
    take.lastChild.textContent = said.textContent = t((await copy(field)) ? "keys.copied" : "keys.not_copied");
  }
  const body = [h("p", { class: "callout tone-warn" }, t("keys.once")), h("div", { class: "secret" }, field, take), said];
  const box = dialog(t("keys.made", { name }), body, { footer: [button(t("action.done"), () => box.close())] });
}
