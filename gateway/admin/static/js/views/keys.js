/** Keys of clients: who has one, what it may do, and what it has done today. */

import { again } from "../again.js";
import { get } from "../api.js";
import { button } from "../dialogs.js";
import { h, write } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { on } from "../store.js";
import { keyForm } from "./key_form.js";
import { COLUMNS, FIGURES, keyRow } from "./key_row.js";

const AGAIN_SECONDS = 15;

export function mount(frame, signal) {
  const make = button([icon("add"), t("keys.create")], () => keyForm(null, load), "primary");
  const fault = h("p", { class: "callout tone-bad", role: "alert", hidden: true });
  const note = h("p", { class: "empty" }, t("accounts.loading"));
  const body = h("tbody");
  const table = h("div", { class: "table-frame", hidden: true }, h("table", { class: "cards" }, h("caption", { class: "unseen" }, t("view.keys")), head(), body));
  const panel = h("section", { class: "panel" }, table, note);
  const rows = new Map(); // by the ids of their keys: what has the focus keeps it while figures change
  let turn = 0;
  frame.append(
    h("div", { class: "bar" }, h("h1", {}, t("view.keys")), make),
    h("p", { class: "muted" }, t("keys.hint")),
    fault,
    panel,
  );

  async function load() {
    const mine = ++turn;
    try {
      const { keys } = await get("/keys");
      if (mine === turn && !signal.aborted) show(keys);
    } catch (error) {
      if (mine === turn) tell(error.message);
    }
  }

  /** What is wrong; what was known before stays. */
  function tell(message) {
    write(fault, message);
    fault.hidden = !message;
    panel.hidden = Boolean(message) && table.hidden;
  }

  function show(keys) {
    tell("");
    write(note, t("keys.none"));
    note.hidden = keys.length > 0;
    table.hidden = !keys.length;
    for (const key of keys) {
      if (!rows.has(key.id)) rows.set(key.id, keyRow(key, changed));
      rows.get(key.id).show(key);
    }
    const order = [...keys].sort((one, other) => (one.revoked ?? 0) - (other.revoked ?? 0) || one.name.localeCompare(other.name));
    arrange(order.map(({ id }) => rows.get(id).root));
  }

  /** Puts the rows in that order; the one with the focus keeps it. */
  function arrange(roots) {
    if (roots.length === body.children.length && roots.every((root, index) => root === body.children[index])) return;
    const held = document.activeElement;
    body.replaceChildren(...roots);
    if (held.isConnected) held.focus();
  }

  /** After a change by hand. Where its button is gone then, the focus goes to the first one of the view. */
  async function changed() {
    await load();
    if (document.activeElement === document.body) make.focus();
  }

  on("tick", () => rows.forEach((row) => row.tick()), signal);
  again(load, AGAIN_SECONDS, signal);
  load();
}

function head() {
  const title = (id) => h("th", { scope: "col", class: FIGURES.includes(id) ? "figure" : "" }, t(`column.${id}`));
  return h("thead", {}, h("tr", {}, COLUMNS.map(title), h("th", { scope: "col" }, h("span", { class: "unseen" }, t("keys.tools")))));
}
