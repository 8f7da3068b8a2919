/** The columns of the accounts: what each sorts by, and how its cell is written. */

import { h, mark, write } from "../dom.js";
import { DASH, number, remaining, span } from "../format.js";
import { explained, t, word } from "../i18n.js";
import { now } from "../store.js";

/** Of what is serious first. */
const ORDER = ["dead", "banned", "new", "refreshing", "active", "paused", "removed"];
const never = Number.POSITIVE_INFINITY;

/** Whether it rests, as after a limit of its upstream. */
export const cooling = (account) => account.cooling_until !== null && account.cooling_until > now();

/** What is left of an access token; `expired` where nothing is. */
export function expiry(account) {
  if (account.token_expires === null) return DASH;
  return account.token_expires > now() ? span(account.token_expires - now()) : t("accounts.expired");
}

const text = (key, shown) => ({ make: () => h("span", { class: "clip" }), fill: (node, account) => write(node, shown(account)), key });
const figure = (field) => ({ ...text(field, (account) => number(field(account))), falls: true });

function state(node, account) {
  const [dot, name, reason] = node.children;
  const rests = account.state === "active" && cooling(account);
  mark(dot, "class", `dot ${rests ? "cooling" : account.state}`);
  write(name, word("state", account.state));
  const why = explained(account.reason);
  write(reason, why);
  mark(node, "title", why);
}

function load(node, account) {
  const [bar, name] = node.children;
  write(name, `${number(account.in_flight)} / ${number(account.max_concurrency)}`);
  const part = `${Math.min(100, (100 * account.in_flight) / Math.max(1, account.max_concurrency))}%`;
  if (bar.firstChild.style.width !== part) bar.firstChild.style.width = part;
}

function rest(node, account) {
  const on = cooling(account);
  const why = on ? explained(account.cooling_reason) : "";
  write(node, on ? `${remaining(account.cooling_until)} · ${why}` : "");
  mark(node, "title", why);
}

/** `key` is what a column sorts by, `falls` that the highest is first then; `ticks` says that time alone changes it. */
export const COLUMNS = [
  { id: "name", ...text((account) => account.name, (account) => account.name) },
  { id: "kind", ...text((account) => account.kind, (account) => account.kind) },
  {
    id: "state",
    make: () => h("span", { class: "state" }, h("i"), h("span", { class: "whole" }), h("span", { class: "clip muted" })),
    fill: state,
    key: (account) => ORDER.indexOf(account.state),
    ticks: true,
  },
  { id: "expires", ...text((account) => account.token_expires ?? never, expiry), ticks: true },
  {
    id: "load",
    make: () => h("span", { class: "load" }, h("i", {}, h("i")), h("span", {})),
    fill: load,
    key: (account) => account.in_flight,
    falls: true,
  },
  { id: "cooling", make: () => h("span", { class: "clip" }), fill: rest, key: (account) => (cooling(account) ? account.cooling_until : never), ticks: true },
  { id: "requests", ...figure((account) => account.today.requests) },
  { id: "errors", ...figure((account) => account.today.errors) },
  { id: "tokens", ...figure((account) => account.today.prompt_tokens + account.today.completion_tokens) },
];
