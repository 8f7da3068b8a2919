/** All about one account, as it changes, and what can be done with it. */

import { button, dialog } from "../dialogs.js";
import { h, mark, write } from "../dom.js";
import { DASH, ago, moment, number, percent, remaining } from "../format.js";
import { explained, t, word } from "../i18n.js";
import { on, store } from "../store.js";
import { act, save } from "./actions.js";
import { cooling, expiry } from "./columns.js";
import { advice, offered } from "./fitting.js";
import { editLimits } from "./limits.js";
import { newToken } from "./renew.js";

/**
 * Opens the drawer of an account. `closed` is called when it is gone, `missed` where that is because there is no such
 * account (any more), and `leave` where the focus has nothing in it to go back to. Returns the dialog.
 */
export function drawer(name, { closed, missed, leave }) {
  const over = new AbortController();
  const facts = h("dl", { class: "facts" });
  const values = new Map(); // elements by what they tell, written anew where that changes: what is marked stays marked
  const dot = h("i");
  const state = h("span", {});
  const reason = h("p", {});
  const hint = h("p", {});
  const callout = h("div", { class: "callout" }, h("b", { class: "state" }, dot, state), reason, hint);
  const actions = h("div", { class: "actions" });
  let shown = "";
  let last = ""; // what was done here last

  function show() {
    const account = store.accounts.get(name);
    if (!account) return store.loaded && end();
    mark(dot, "class", `dot ${account.state}`);
    write(state, word("state", account.state));
    tell(reason, explained(account.reason));
    tell(hint, advice(account));
    mark(callout, "class", `callout ${tone(account)}`);
    for (const [key, value] of Object.entries(factsOf(account))) write(fact(key), value);
    const offers = offered(account).join();
    if (offers !== shown) arrange(offers.split(","));
    shown = offers;
  }

  /** The element that tells it, which is made when it is first told. */
  function fact(key) {
    if (!values.has(key)) {
      values.set(key, h("dd"));
      facts.append(h("dt", {}, t(`account.${key}`)), values.get(key));
    }
    return values.get(key);
  }

  /** A button for each action. Where that which was used is gone then, the focus goes to the first one. */
  function arrange(offers) {
    const held = actions.contains(document.activeElement);
    actions.replaceChildren(...offers.map((action, index) => button(t(`action.${action}`), () => does(action), index ? "" : "primary")));
    if (held) actions.firstChild.focus();
  }

  async function does(action) {
    last = action;
    await perform(action, name);
    if (document.activeElement !== document.body) return;
    if (box.open) actions.firstChild?.focus();
    else leave();
  }

  /** Without its account there is nothing to show. */
  function end() {
    box.close();
    if (last !== "delete") missed();
  }

  function done() {
    over.abort();
    closed();
  }
  const box = dialog(name, [callout, actions, facts], { look: "drawer", closed: done });
  on("accounts", (names) => names.has(name) && show(), over.signal);
  on("tick", show, over.signal);
  show();
  return box;
}

/** A sentence, where there is one. */
function tell(node, text) {
  write(node, text);
  node.hidden = !text;
}

const tone = ({ state }) => ({ dead: "tone-bad", banned: "tone-bad", active: "tone-good", paused: "tone-warn" })[state] ?? "";

function perform(action, name) {
  if (action === "edit") return editLimits([name]);
  if (action === "export") return save([name]);
  return action === "token" ? newToken(store.accounts.get(name)) : act(action, [name]);
}

function factsOf(account) {
  const { today } = account;
  const at = (time) => (time === null ? DASH : moment(time));
  const failed = today.requests ? ` (${percent(today.errors / today.requests)})` : "";
  const perMinute = account.requests_per_minute === null ? t("limits.unlimited") : number(account.requests_per_minute);
  return {
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
    cooling: cooling(account) ? `${remaining(account.cooling_until)} · ${explained(account.cooling_reason)}` : DASH,
    requests: number(today.requests),
    errors: number(today.errors) + failed,
    tokens_today: t("account.tokens", { prompt: number(today.prompt_tokens), completion: number(today.completion_tokens) }),
    last_used: ago(account.last_used),
    models: account.models.length ? account.models.join(", ") : DASH,
    proxy: account.has_proxy ? t("account.with_proxy") : DASH,
    base_url: account.base_url ?? DASH,
  };
}
