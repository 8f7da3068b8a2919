/** All about one account, as it changes, and what can be done with it. */

import { button, dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { DASH, ago, moment, number, percent, remaining } from "../format.js";
import { t, word } from "../i18n.js";
import { on, store } from "../store.js";
import { ACTIONS, act, save } from "./actions.js";
import { cooling, expiry } from "./columns.js";
import { editLimits } from "./limits.js";

const SHOWN = { resume: ["paused", "dead", "banned"], pause: ["active", "refreshing", "new"] };

/** Opens the drawer of an account; `closed` is called when it is gone. Returns the dialog. */
export function drawer(name, closed) {
  const over = new AbortController();
  const facts = h("dl", { class: "facts" });
  const state = h("div", { class: "callout" });
  const actions = h("div", { class: "actions" });
  let shown = "";

  function show() {
    const account = store.accounts.get(name);
    if (!account) return store.loaded && box.close();
    state.replaceChildren(...stateWords(account));
    state.className = `callout ${tone(account)}`;
    facts.replaceChildren(...factsOf(account));
    if (shown !== account.state) actions.replaceChildren(...buttons(account));
    shown = account.state;
  }

  function done() {
    over.abort();
    closed();
  }
  const box = dialog(name, [state, actions, facts], { look: "drawer", closed: done });
  on("accounts", (names) => names.has(name) && show(), over.signal);
  on("tick", show, over.signal);
  show();
  return box;
}

const tone = ({ state }) => ({ dead: "tone-bad", banned: "tone-bad", active: "tone-good", paused: "tone-warn" })[state] ?? "";

function stateWords(account) {
  return [
    h("b", { class: "state" }, h("i", { class: `dot ${account.state}` }), word("state", account.state)),
    account.reason ? h("p", {}, account.reason) : "",
  ];
}

function buttons({ name, state }) {
  const fitting = ACTIONS.filter(({ id }) => !SHOWN[id] || SHOWN[id].includes(state));
  return [
    ...fitting.filter(({ id }) => id !== "delete").map(({ id }) => button(t(`action.${id}`), () => act(id, [name]))),
    button(t("action.limits"), () => editLimits([name])),
    button(t("action.export"), () => save([name])),
    button(t("action.delete"), () => act("delete", [name])),
  ];
}

function factsOf(account) {
  const { today } = account;
  const at = (time) => (time === null ? DASH : moment(time));
  const failed = today.requests ? ` (${percent(today.errors / today.requests)})` : "";
  const perMinute = account.requests_per_minute === null ? t("limits.unlimited") : number(account.requests_per_minute);
  const facts = {
    kind: account.kind === "kimi" ? `${account.kind} · ${account.region}` : account.kind,
    origin: t(`origin.${account.origin}`) + (account.edited ? ` · ${t("account.edited")}` : ""),
    token_issued: at(account.token_issued),
    token_expires: account.token_expires === null ? DASH : `${expiry(account)} · ${moment(account.token_expires)}`,
    refresh_due: account.refresh_due === null ? DASH : `${remaining(account.refresh_due)} · ${moment(account.refresh_due)}`,
    refresh_failures: number(account.refresh_failures),
    in_flight: `${number(account.in_flight)} / ${number(account.max_concurrency)}`,
    requests_per_minute: perMinute,
    weight: number(account.weight, 2),
    priority: number(account.priority),
    cooling: cooling(account) ? `${remaining(account.cooling_until)} · ${account.cooling_reason}` : DASH,
    requests: number(today.requests),
    errors: number(today.errors) + failed,
    tokens_today: t("account.tokens", { prompt: number(today.prompt_tokens), completion: number(today.completion_tokens) }),
    last_used: ago(account.last_used),
    models: account.models.length ? account.models.join(", ") : DASH,
    proxy: account.has_proxy ? t("account.with_proxy") : DASH,
    base_url: account.base_url ?? DASH,
  };
  return Object.entries(facts).flatMap(([key, value]) => [h("dt", {}, t(`account.${key}`)), h("dd", {}, value)]);
}
