/** A question and its answer as they are shown. */

import { h, write } from "../dom.js";
import { number, seconds } from "../format.js";
import { t } from "../i18n.js";
import { render } from "./markdown.js";

/** @typedef {{text: string, files: string[], content: unknown, thinking: string, answer: string, error: string,
 *   running: boolean, stopped: boolean, usage: ?object, first: ?number, total: ?number, finish: ?string}} Turn */

/** The elements of a turn, and `show`, which writes what is there of the answer by now. */
export function turnView(turn) {
  const thought = h("p", { class: "thought" });
  const thinking = h("details", { class: "thinking", open: true }, h("summary", {}, t("playground.thinking")), thought);
  const text = h("div", { class: "answer" });
  const fault = h("p", { class: "callout tone-bad", role: "alert", hidden: true });
  const figures = h("p", { class: "muted small figures" });
  const files = turn.files.map((name) => h("span", { class: "tag" }, name));
  const root = h(
    "article",
    { class: "turn" },
    h("div", { class: "question" }, h("p", {}, turn.text), files.length ? h("p", {}, files) : null),
    h("div", { class: "reply" }, thinking, text, fault, figures),
  );

  function show() {
    thinking.hidden = !turn.thinking;
    write(thought, turn.thinking);
    if (turn.answer && !text.childNodes.length && thinking.open) thinking.open = false; // it has served its turn
    text.replaceChildren(...render(turn.answer));
    text.classList.toggle("running", turn.running);
    fault.hidden = !turn.error;
    write(fault, turn.error);
    write(figures, words(turn));
  }
  show();
  return { root, show };
}

function words({ running, stopped, usage, first, total, finish, error }) {
  return [
    running && t("playground.running"),
    stopped && t("playground.stopped"),
    first !== null && t("playground.first", { time: seconds(first) }),
    total !== null && t("playground.total", { time: seconds(total) }),
    usage && t("playground.usage", { prompt: number(usage.prompt_tokens), completion: number(usage.completion_tokens) }),
    finish && finish !== "stop" && !error && t("playground.finish", { reason: finish }),
  ]
    .filter(Boolean)
    .join(" · ");
}
