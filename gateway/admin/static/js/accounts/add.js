/** Adding accounts: tokens in any form, pasted or out of files, and what became of each. */

import { post } from "../api.js";
import { button, dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { date, number } from "../format.js";
import { t } from "../i18n.js";
import { outcomeOf } from "./told.js";

const KINDS = ["kimi", "kimi-classic", "moonshot"];

export function addAccounts() {
  const text = h("textarea", { id: "add-text", class: "mono", rows: 9, spellcheck: "false", autocomplete: "off", placeholder: t("add.placeholder") });
  const kind = h("select", { id: "add-kind" }, KINDS.map((each) => h("option", { value: each }, each)));
  const files = h("input", { id: "add-files", type: "file", multiple: true, onChange: read });
  const fault = h("p", { class: "fault", role: "alert" });
  const summary = h("p", { role: "status" });
  const report = h("ul", { class: "report", "aria-label": t("work.report") });
  const go = h("button", { class: "primary", type: "submit", form: "add-form" }, t("action.add"));
  const form = h(
    "form",
    { id: "add-form", class: "dialog-form", onSubmit: send },
    h("p", { class: "muted" }, t("add.hint")),
    h("div", { class: "field" }, h("label", { for: "add-text" }, t("add.text")), text),
    h(
      "div",
      { class: "fields" },
      h("div", { class: "field" }, h("label", { for: "add-files" }, t("add.files")), files),
      h("div", { class: "field" }, h("label", { for: "add-kind" }, t("add.kind")), kind),
    ),
    fault,
    summary,
    report,
  );
  const box = dialog(t("add.title"), form, { footer: [button(t("action.close"), () => box.close()), go] });
  text.focus();

  async function read() {
    const parts = await Promise.all([...files.files].map((file) => file.text()));
    text.value = [text.value, ...parts].filter((part) => part.trim()).join("\n");
    files.value = "";
  }

  async function send(event) {
    event.preventDefault();
    fault.textContent = "";
    if (!text.value.trim()) return void (fault.textContent = t("add.nothing"));
    go.disabled = true;
    try {
      const { results, added, refused } = await post("/accounts", { text: text.value, kind: kind.value });
      const known = results.length - added - refused;
      summary.textContent = t("add.done", { added: number(added), known: number(known), refused: number(refused) });
      report.replaceChildren(...results.map(line));
      if (!refused) text.value = ""; // tokens do not lie about for longer than they have to
      report.scrollIntoView({ block: "nearest" });
    } catch (error) {
      fault.textContent = error.message;
    }
    go.disabled = false;
  }
}

const LOOKS = { added: "ok", known: "paused", refused: "failed" };

function line(entry) {
  const { place, line: at, outcome, name, kind, expires, message } = entry;
  const where = at === null ? place.replace(/^the text:\s*/, "") : t("add.line", { n: number(at) });
  const facts = [where, kind, expires && t("add.expires", { at: date(expires) }), outcomeOf(entry)];
  return h(
    "li",
    { class: outcome },
    h("i", { class: `dot ${LOOKS[outcome]}` }),
    h("b", {}, [t(`add.${outcome}`), name].filter(Boolean).join(" · ")),
    h("span", { class: "muted", title: message }, facts.filter(Boolean).join(" · ")),
  );
}
