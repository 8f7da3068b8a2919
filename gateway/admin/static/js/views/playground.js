/** A chat with the pool itself, to see what clients get. */

import { again } from "../again.js";
import { get } from "../api.js";
import { button } from "../dialogs.js";
import { h, say, write } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { content } from "../playground/files.js";
import { answer } from "../playground/stream.js";
import { turnView } from "../playground/turns.js";
import { store } from "../store.js";

const RETRY_SECONDS = 5;

export function mount(frame, signal) {
  const { talk } = store;
  const model = h("select", { id: "model", onChange: () => (talk.model = model.value) });
  const system = h("textarea", { id: "system", rows: 2, value: talk.system, onInput: () => (talk.system = system.value) });
  const draft = h("textarea", { id: "draft", rows: 3, required: true, value: talk.draft, placeholder: t("playground.placeholder"), onInput: () => (talk.draft = draft.value), onKeydown: enter });
  const picker = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-hidden": "true", onChange: picked });
  const files = h("div", { class: "chips files" });
  const log = h("div", { class: "talk", role: "log", tabindex: "0", "aria-label": t("playground.talk") });
  const send = h("button", { class: "primary", type: "submit" }, icon("send"), t("playground.send"));
  const stop = button([icon("stop"), t("playground.stop")], () => talk.over?.abort(), "danger");
  const fault = h("p", { class: "fault", role: "alert" });
  const form = h(
    "form",
    { class: "panel compose", onSubmit: submit },
    h("label", { class: "unseen", for: "draft" }, t("playground.question")),
    draft,
    files,
    h(
      "div",
      { class: "bar" },
      button([icon("attach"), h("span", { class: "wide-only" }, t("playground.attach"))], () => picker.click(), "quiet"),
      picker,
      toggle("thinking"),
      toggle("search"),
      h("span", { class: "push" }),
      stop,
      send,
    ),
  );
  frame.append(
    h(
      "div",
      { class: "bar" },
      h("h1", {}, t("view.playground")),
      h("label", { for: "model" }, t("playground.model")),
      model,
      button([icon("clear"), t("playground.clear")], clear),
    ),
    h("details", { class: "system", open: Boolean(talk.system) }, h("summary", {}, t("playground.system")), h("label", { class: "unseen", for: "system" }, t("playground.system")), system),
    fault,
    log,
    form,
  );

  function toggle(name) {
    const box = h("input", { type: "checkbox", checked: talk[name], onChange: () => (talk[name] = box.checked) });
    return h("label", { class: "switch" }, box, t(`playground.${name}`));
  }

  async function loadModels() {
    try {
      const { data } = await get("/models");
      model.replaceChildren(...data.map(({ id }) => h("option", { value: id, selected: id === talk.model }, id)));
      talk.model = model.value;
      write(fault, "");
    } catch (error) {
      write(fault, error.message);
    }
  }

  function picked() {
    talk.files.push(...picker.files);
    picker.value = "";
    showFiles();
  }

  function showFiles() {
    files.hidden = !talk.files.length;
    files.replaceChildren(...talk.files.map((file, index) => h("button", { type: "button", "aria-label": t("playground.detach", { name: file.name }), onClick: () => detach(index) }, file.name, icon("close"))));
  }

  function detach(index) {
    talk.files.splice(index, 1);
    showFiles();
    draft.focus();
  }

  function enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  }

  function clear() {
    talk.over?.abort();
    talk.turns = [];
    log.replaceChildren(hint());
    draft.focus();
  }

  const hint = () => h("p", { class: "empty" }, t("playground.hint"));

  /** What has the focus hands it on to what is in its place. */
  function running(on) {
    const [comes, goes] = on ? [stop, send] : [send, stop];
    const held = document.activeElement === goes;
    comes.hidden = false;
    goes.hidden = true;
    if (held) comes.focus();
  }

  async function submit(event) {
    event.preventDefault();
    if (talk.over || !draft.value.trim()) return;
    talk.over = new AbortController();
    running(true);
    const turn = { text: draft.value, files: talk.files.map(({ name }) => name), content: null, thinking: "", answer: "", error: "", running: true, stopped: false, usage: null, first: null, total: null, finish: null };
    const view = turnView(turn);
    if (!talk.turns.length) log.replaceChildren();
    talk.turns.push(turn);
    log.append(view.root);
    log.scrollTop = log.scrollHeight;
    const sent = talk.files.splice(0);
    draft.value = talk.draft = "";
    showFiles();
    await ask(turn, sent, view);
    talk.over = null;
    running(false);
    say(turn.error || t("playground.finished"));
  }

  async function ask(turn, sent, view) {
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    let drawn = 0;
    /** At most once a frame, and along with the text for whoever is at its end. */
    function draw() {
      drawn = 0;
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
      view.show();
      if (atEnd) log.scrollTop = log.scrollHeight;
    }
    try {
      turn.content = await content(turn.text, sent);
      for await (const part of answer(request(), talk.over.signal)) {
        if (part.thinking || part.text) turn.first ??= since();
        turn.thinking += part.thinking;
        turn.answer += part.text;
        turn.usage = part.usage ?? turn.usage;
        turn.finish = part.finish ?? turn.finish;
        drawn ||= requestAnimationFrame(draw);
      }
    } catch (error) {
      if (error.name === "AbortError") turn.stopped = true;
      else turn.error = error.message;
    }
    if (turn.error && turn.first === null) takeBack(turn.text, sent);
    cancelAnimationFrame(drawn);
    turn.running = false;
    turn.total = since();
    draw();
  }

  /** A question that nothing came of can be asked again, or with less where it was too large. */
  function takeBack(text, sent) {
    if (draft.value || talk.files.length) return;
    draft.value = talk.draft = text;
    talk.files = sent;
    showFiles();
  }

  /** The conversation so far; turns without an answer are left out, but for the last one. */
  function request() {
    const past = talk.turns.filter((turn, index) => turn.answer || index === talk.turns.length - 1);
    const turns = past.flatMap((turn) => [{ role: "user", content: turn.content }, { role: "assistant", content: turn.answer }]);
    const messages = talk.system.trim() ? [{ role: "system", content: talk.system }, ...turns.slice(0, -1)] : turns.slice(0, -1);
    const wishes = { ...(talk.thinking && { thinking: { type: "enabled" } }), ...(talk.search && { use_search: true }) };
    return { model: talk.model, messages, ...wishes };
  }

  log.append(...(talk.turns.length ? talk.turns.map((turn) => turnView(turn).root) : [hint()]));
  signal.addEventListener("abort", () => talk.over?.abort());
  running(false);
  showFiles();
  again(() => fault.textContent && loadModels(), RETRY_SECONDS, signal);
  loadModels();
}
