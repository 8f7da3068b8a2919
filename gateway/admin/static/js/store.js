/**
 * All that the page knows and remembers, and who wants to hear of its changes. No other module keeps state.
 *
 * Topics: `accounts` (with the Set of changed names), `overview`, `live`, `selection`, `tick` (each second).
 */

/** @typedef {{requests: number, errors: number, prompt_tokens: number, completion_tokens: number}} Tally */
/**
 * An account as the API describes it; times are seconds since the epoch.
 * @typedef {{name: string, kind: string, region: string, origin: "file"|"operator"|"client", state: string,
 *   reason: string, token_issued: ?number, token_expires: ?number, refresh_due: ?number, refresh_failures: number,
 *   in_flight: number, max_concurrency: number, requests_per_minute: ?number, weight: number, priority: number,
 *   cooling_until: ?number, cooling_reason: string, models: string[], has_proxy: boolean, base_url: ?string,
 *   edited: boolean, today: Tally, last_used: ?number}} Account
 */

export const store = {
  /** What a request that changes something has to bring along. */
  csrf: "",
  /** Signs in again, once for all who wait for it; set by the session. */
  renew: async () => {},
  /** "en" or "zh"; and "auto", "light" or "dark". */
  language: document.documentElement.lang.startsWith("zh") ? "zh" : "en",
  theme: document.documentElement.dataset.theme ?? "auto",
  /** @type {Map<string, Account>} */
  accounts: new Map(),
  /** Names of those that have changed since the page was drawn. */
  unseen: new Set(),
  /** Whether the accounts have been loaded once. */
  loaded: false,
  overview: null,
  /** "connecting", "open", "interrupted", "blind" where the gateway itself sees nothing, or "outdated" where it may not. */
  live: "connecting",
  /** Seconds that the server's clock is ahead of this one. */
  skew: 0,
  /** What the list of accounts shows; it stays while other views are looked at. */
  listing: { search: "", state: "all", sort: "name", descending: false, active: "", selected: new Set() },
  span: "hour",
  /** The playground's conversation. */
  talk: { model: "", system: "", thinking: false, search: false, turns: [], draft: "", files: [], over: null },
};

/** The time by the server's clock, in seconds since the epoch. */
export const now = () => Date.now() / 1000 + store.skew;

const listeners = new Map();

/** Calls `listener` at each change of the topic, until `signal` aborts. */
export function on(topic, listener, signal) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(listener);
  signal.addEventListener("abort", () => listeners.get(topic).delete(listener));
}

export function tell(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}
