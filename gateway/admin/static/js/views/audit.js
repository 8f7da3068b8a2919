/** Who did what, newest first. */

import { about, told } from "../accounts/told.js";
import { again } from "../again.js";
import { get } from "../api.js";
import { button } from "../dialogs.js";
import { h, say } from "../dom.js";
import { moment, number } from "../format.js";
import { t, word } from "../i18n.js";

const PAGE = 100;
const RETRY_SECONDS = 5;
const COLUMNS = ["at", "who", "did", "subject", "detail", "address"];

export function mount(frame, signal) {
  const body = h("tbody");
  const note = h("p", { class: "empty", hidden: true });
  const more = button(t("audit.older"), load);
  let last = "";
  let failed = false;
  const table = h(
    "table",
    { class: "cards" },
    h("caption", { class: "unseen" }, t("view.audit")),
    h("thead", {}, h("tr", {}, COLUMNS.map((id) => h("th", { scope: "col" }, t(`column.${id}`))))),
    body,
  );
  frame.append(
    h("div", { class: "bar" }, h("h1", {}, t("view.audit"))),
    h("section", { class: "panel" }, h("div", { class: "table-frame" }, table), note),
    h("div", {}, more),
  );

  async function load() {
    more.disabled = true;
    failed = false;
    try {
      const { entries } = await get(`/audit?limit=${PAGE}${last && `&before=${encodeURIComponent(last)}`}`);
      if (signal.aborted) return;
      body.append(...entries.map(row));
      last = entries.at(-1)?.id ?? last;
      more.hidden = entries.length < PAGE;
      note.hidden = body.children.length > 0;
      note.textContent = t("audit.none");
      say(t("audit.loaded", { n: number(body.children.length) }));
    } catch (error) {
      failed = true;
      note.hidden = false;
      note.textContent = error.message;
    }
    more.disabled = false;
  }
  again(() => failed && load(), RETRY_SECONDS, signal);
  load();
}

function row({ at, who, address, action, subject, detail }) {
  const cell = (id, content, look = "") => h("td", { class: look, "data-label": t(`column.${id}`) }, content);
  return h(
    "tr",
    {},
    h("th", { scope: "row", class: "muted" }, moment(at)),
    cell("who", word("who", who), "whole"),
    cell("did", h("span", { class: "tag" }, word("did", action))),
    cell("subject", about(subject), "subject"),
    cell("detail", told(detail), "detail muted"),
    cell("address", address, "mono muted"),
  );
}
