/** What the server tells by itself: the accounts and the overview, as they change. */

import { get } from "./api.js";
import { store, tell } from "./store.js";

const RETRY_MS = 3000;
/** A stream that has not begun by then is held back on its way, and the accounts are shown without it. */
const PATIENCE_MS = 5000;
/** A page that nobody looks at for so long gives its stream up: a browser has six connections for all its tabs. */
const UNSEEN_MS = 5000;

/** Opens the stream first and loads all accounts then, so that no change falls in between. */
export function follow() {
  let source = null;
  let early = null; // what came before the accounts were loaded; null afterwards
  let retry = 0;
  let turn = 0;
  let loading = 0; // lists on their way
  let patience = 0;
  let leaving = 0;

  function connect() {
    source = new EventSource("/admin/api/events");
    early = [];
    patience ||= setTimeout(impatient, PATIENCE_MS);
    source.addEventListener("open", snapshot);
    source.addEventListener("error", interrupted);
    source.addEventListener("overview", (event) => {
      sketch(JSON.parse(event.data));
      if (!early) come();
    });
    source.addEventListener("accounts", (event) => {
      performance.mark("accounts:told");
      const told = JSON.parse(event.data);
      if (early) early.push(told);
      else apply(told);
    });
  }

  function impatient() {
    patience = 0;
    if (!store.loaded && !loading) snapshot();
  }

  async function snapshot() {
    const mine = ++turn;
    early = [];
    loading += 1;
    try {
      const all = await get("/accounts");
      if (mine !== turn) return;
      const here = new Set(all.accounts.map((account) => account.name));
      apply({ ...all, removed: [...store.accounts.keys()].filter((name) => !here.has(name)) });
      for (const told of early) if (told.now >= all.now) apply(told);
      early = null;
      if (source?.readyState === EventSource.OPEN) come();
    } catch {
      if (mine === turn) again();
    } finally {
      loading -= 1;
    }
  }

  function interrupted() {
    lose();
    turn += 1;
    if (source.readyState === EventSource.CLOSED) again(); // refused, as when the session has ended: it gives up by itself
  }

  function disconnect() {
    source?.close();
    source = null;
    turn += 1; // what is on its way is too old by the time of the next stream
    clearTimeout(retry);
  }

  function again() {
    lose();
    disconnect();
    const mine = turn;
    retry = setTimeout(async () => {
      await get("/session").catch(hindered); // asks for the key where that is what is missing
      if (mine === turn) connect();
    }, RETRY_MS);
  }

  /** Nobody is told of anything while nobody looks, and everything is loaded anew for whoever looks again. */
  function looked() {
    clearTimeout(leaving);
    if (document.hidden) leaving = setTimeout(disconnect, UNSEEN_MS);
    else if (!source) {
      disconnect(); // from the next try as well
      state("connecting");
      connect();
    }
  }

  document.addEventListener("visibilitychange", looked);
  if (!document.hidden) connect();
}

/** The stream comes through; whether it has something new to tell depends on Redis. */
const come = () => state(store.overview?.redis.up === false ? "blind" : "open");

/** Nothing comes any more, unless it is known why until something does. */
const lose = () => store.live === "outdated" || state("interrupted");

function hindered({ code }) {
  if (code === "store_outdated") state("outdated");
}

function state(live) {
  if (store.live === live) return;
  store.live = live;
  tell("live");
}

function sketch(overview) {
  store.overview = overview;
  store.skew = overview.now - Date.now() / 1000;
  tell("overview");
}

/** Takes changes at once and shows all that came since the last frame in the next one. */
function apply({ now, accounts, removed }) {
  store.skew = now - Date.now() / 1000;
  if (!store.unseen.size) requestAnimationFrame(show);
  for (const account of accounts) {
    store.accounts.set(account.name, account);
    store.unseen.add(account.name);
  }
  for (const name of removed) {
    store.accounts.delete(name);
    store.unseen.add(name);
  }
  store.loaded = true;
}

function show() {
  const names = store.unseen;
  store.unseen = new Set();
  tell("accounts", names);
  setTimeout(() => measure("accounts:update", "accounts:told")); // behind the frame that shows it
}

/** Keeps the latest figure only: a page stays open for days. */
function measure(name, start) {
  performance.clearMeasures(name);
  if (performance.getEntriesByName(start).length) performance.measure(name, start);
  performance.clearMarks(start);
}
