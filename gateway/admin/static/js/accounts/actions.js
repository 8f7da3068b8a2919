/** What can be done with accounts, one or thousands: in batches, with progress and a report of each. */

import { patch, post, request } from "../api.js";
import { button, confirmed, dialog } from "../dialogs.js";
import { download, h, write } from "../dom.js";
import { number, seconds } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { agreed, counted, named } from "./asking.js";
import { hindrance } from "./fitting.js";
import { told } from "./told.js";

/** `batch` is how many names go into one call: few where each takes its time. */
export const ACTIONS = [
  { id: "test", batch: 8 },
  { id: "refresh", batch: 20 },
  { id: "pause", batch: 100 },
  { id: "resume", batch: 100 },
  { id: "clear", batch: 100 },
  { id: "delete", batch: 100 },
];

/** The results of a call, one for each name; where the call itself fails, that is the `fault` of all. */
async function called(names, call) {
  try {
    return (await call(names)).results;
  } catch (error) {
    return names.map((name) => ({ name, ok: false, fault: error.message }));
  }
}

/**
 * Does `call` for all names, and shows how far it is and what came of each. Returns the names that it
 * `came` to and how many of them `worked`, when the dialog is closed. `action` is what is done, for the words of the report.
 */
function work(action, title, names, batch, call) {
  const bar = h("progress", { max: names.length, value: 0, "aria-label": title });
  const state = h("p", { role: "status" });
  const report = h("ul", { class: "report", tabindex: "0", "aria-label": t("work.report") });
  const close = button(t("work.stop"), leave);
  let stopped = false;
  let over = false;
  let failed = 0;
  let closed;
  const gone = new Promise((resolve) => (closed = resolve));
  const box = dialog(title, [bar, state, report], { footer: [close], closed: () => ((stopped = true), closed()) });

  /** Stops first: what has come of those that are done is still to be read. */
  function leave() {
    if (over) return box.close();
    stopped = close.disabled = true;
  }

  async function run() {
    for (let at = 0; at < names.length && !stopped; at += batch) {
      const some = names.slice(at, at + batch);
      const before = new Map(some.map((name) => [name, store.accounts.get(name)]));
      const results = await called(some, call);
      failed += results.filter(({ ok }) => !ok).length;
      for (const result of results) report[result.ok ? "append" : "prepend"](line(action, before.get(result.name), result));
      bar.value = Math.min(names.length, at + batch);
      write(state, t("work.progress", { done: number(bar.value), all: number(names.length), failed: number(failed) }));
    }
    write(state, t("work.done", { ok: number(bar.value - failed), failed: number(failed) }));
    over = true;
    close.textContent = t("action.close");
    close.disabled = false;
  }
  return Promise.all([gone, run()]).then(() => ({ came: names.slice(0, bar.value), worked: bar.value - failed }));
}

const line = (action, before, { name, ok, message, fault, seconds: took }) =>
  h(
    "li",
    {},
    h("i", { class: `dot ${ok ? "ok" : "failed"}` }),
    h("b", {}, name),
    h(
      "span",
      { class: "muted", title: message },
      [...(ok ? [t(`did.${action}`), told(message)] : [fault ?? refusal(action, before, message)]), took !== undefined && seconds(took)].filter(Boolean).join(" · "),
    ),
  );

/** Why it was not done: in words of the page where what the account was `before` explains it. */
function refusal(action, before, message) {
  return (before && hindrance(action, before)) || told(message);
}

/** Does an action of `ACTIONS`, of which a view hides so many; returns those that it came to. */
export async function act(id, names, hidden = 0) {
  if (!(await agreed(id, names, hidden))) return [];
  const { batch } = ACTIONS.find((each) => each.id === id);
  const title = `${t(`action.${id}`)} · ${counted(names)}`;
  return (await work(id, title, names, batch, (some) => post(`/accounts/${id}`, { names: some }))).came;
}

/** Changes limits; what is not named in them stays. Returns what `work` does. */
export const limit = (names, limits) =>
  work("edit", t("action.edit"), names, 100, (some) => patch("/accounts", { names: some, limits }));

/** Saves accounts as a file with their credentials; all where no names are given. Returns those that were saved. */
export async function save(names, hidden = 0) {
  const count = names ? counted(names) : t("accounts.every");
  const question = [h("p", {}, t("accounts.export_sure")), named(names ?? [], hidden)];
  if (!(await confirmed(`${t("action.export")} · ${count}`, question, t("action.export"), false))) return [];
  try {
    const answer = await request("POST", "/accounts/export", names ? { names } : {});
    download(await answer.blob(), "accounts.yaml");
    return names ?? [];
  } catch (error) {
    dialog(t("action.export"), h("p", { class: "fault" }, error.message), { look: "narrow" });
    return [];
  }
}
