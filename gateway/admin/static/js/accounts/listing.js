/** Which accounts are shown, and in which order. */

import { collate } from "../format.js";
import { explained } from "../i18n.js";
import { store } from "../store.js";
import { COLUMNS, cooling } from "./columns.js";

/** What the chips filter by. */
export const FILTERS = ["all", "active", "cooling", "refreshing", "new", "dead", "banned", "paused", "removed"];

const fits = (account, filter) =>
  filter === "all" || (filter === "cooling" ? account.state === "active" && cooling(account) : account.state === filter);

const holds = (account, words) => {
  const { name, kind, reason, cooling_reason: rest } = account;
  const text = [name, kind, reason, explained(reason), rest, explained(rest)].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
};

export class Listing {
  /** All names in the chosen order. It is kept, because a list that is all but sorted is sorted anew in one pass. */
  #order = [];
  #known = new Set();
  /** The names to show. */
  names = [];
  /** How many accounts the search finds, by filter. */
  counts = new Map();

  /** Puts everything in its place after changes of accounts, order, search or filter. */
  update() {
    for (const name of store.accounts.keys()) {
      if (this.#known.has(name)) continue;
      this.#known.add(name);
      this.#order.push(name);
    }
    if (this.#known.size > store.accounts.size) {
      this.#order = this.#order.filter((name) => store.accounts.has(name));
      this.#known = new Set(this.#order);
    }
    this.#sort();
    this.#filter();
  }

  #sort() {
    const { sort, descending } = store.listing;
    const { key } = COLUMNS.find(({ id }) => id === sort);
    const keys = new Map(this.#order.map((name) => [name, key(store.accounts.get(name))]));
    const sign = descending ? -1 : 1;
    const compare = typeof keys.values().next().value === "string" ? collate : (one, other) => (one < other ? -1 : Number(one > other));
    this.#order.sort((one, other) => sign * compare(keys.get(one), keys.get(other)) || collate(one, other));
  }

  #filter() {
    const { search, state } = store.listing;
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    this.counts = new Map(FILTERS.map((filter) => [filter, 0]));
    this.names = this.#order.filter((name) => {
      const account = store.accounts.get(name);
      if (words.length && !holds(account, words)) return false;
      for (const filter of FILTERS) if (fits(account, filter)) this.counts.set(filter, this.counts.get(filter) + 1);
      return fits(account, state);
    });
  }
}
