/** The pool at a glance, what else runs, alerts, and charts of the last hour, day or month. */

import { h, write } from "../dom.js";
import { DASH, ago, bytes, compact, moment, number, percent, remaining, span } from "../format.js";
import { t, word } from "../i18n.js";
import { now, on, store } from "../store.js";
import { alertsPanel } from "./alerts.js";
import { chartsPanel } from "./charts.js";

const STATES = ["active", "refreshing", "new", "paused", "dead", "banned", "removed"];

export function mount(frame, signal) {
  const tiles = h("section", { class: "tiles", "aria-label": t("overview.now") });
  const system = h("dl", { class: "facts" });
  const alerts = alertsPanel(signal);
  frame.append(
    h("div", { class: "bar" }, h("h1", {}, t("view.overview"))),
    tiles,
    h(
      "div",
      { class: "pair" },
      alerts.root,
      h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("overview.system"))), h("div", { class: "inner" }, system)),
    ),
    chartsPanel(signal),
  );
  const cells = makeTiles(tiles);

  /** While Redis is away what was known before is all there is. */
  function tick() {
    if (store.overview?.redis.up) fillTiles(cells, store.overview);
  }

  function show() {
    const overview = store.overview;
    if (!overview) return;
    tick();
    system.replaceChildren(...facts(overview));
    alerts.show(overview);
  }
  on("overview", show, signal);
  on("tick", tick, signal);
  show();
}

function makeTiles(root) {
  const cells = {};
  for (const name of ["usable", "load", "waiting", "expiry", "requests", "errors", "tokens"]) {
    const cell = { value: h("p", { class: "value" }, DASH), note: h("p", { class: "muted small" }) };
    cells[name] = cell;
    root.append(h("div", { class: `panel tile ${name}` }, h("h2", { class: "muted" }, t(`overview.${name}`)), cell.value, cell.note));
  }
  cells.bar = h("div", { class: "states" });
  cells.words = h("ul", { class: "state-words" });
  root.firstChild.append(cells.bar, cells.words);
  return cells;
}

function fillTiles(cells, { pool, queue, today }) {
  const say = (cell, value, note) => (write(cell.value, value), write(cell.note, note));
  say(cells.usable, number(pool.usable), t("overview.of", { n: number(pool.total) }));
  say(cells.load, number(pool.in_flight), t("overview.limit", { n: number(pool.limit) }));
  say(cells.waiting, number(queue.waiting), t("overview.waiting_note"));
  say(cells.expiry, pool.next_expiry === null ? DASH : remaining(pool.next_expiry), t("overview.expiry_note"));
  say(cells.requests, compact(today.requests), t("overview.requests_note"));
  say(cells.errors, number(today.errors), today.requests ? t("overview.errors_note", { share: percent(today.errors / today.requests) }) : "");
  const { prompt_tokens: prompt, completion_tokens: completion } = today;
  say(cells.tokens, compact(prompt + completion), t("overview.tokens_note", { prompt: compact(prompt), completion: compact(completion) }));
  const there = STATES.filter((state) => pool.states[state]);
  cells.bar.replaceChildren(...there.map((state) => part(state, pool.states[state])));
  cells.words.replaceChildren(
    ...there.map((state) => h("li", { class: "state small" }, h("i", { class: `dot ${state}` }), `${word("state", state)} ${number(pool.states[state])}`)),
  );
}

function part(state, count) {
  const element = h("i", { class: `dot ${state}` });
  element.style.flexGrow = count;
  return element;
}

function facts({ redis, refreshers, version, started }) {
  const entry = (name, ...value) => [h("dt", {}, t(`overview.${name}`)), h("dd", {}, value)];
  const size = redis.used_memory_bytes === null ? [] : [bytes(redis.used_memory_bytes)];
  const told = [`${redis.server || "Redis"} ${redis.version}`.trim(), ...size].join(" · ");
  const up = redis.up ? told : t("overview.redis_away");
  const kept = redis.up && redis.persistent === false ? [h("br"), h("span", { class: "warn" }, t("overview.not_persistent"))] : [];
  const seen = refreshers.map(({ name, seen_seconds: past }) =>
    h("div", {}, name, " ", h("span", { class: "muted" }, ago(now() - past))),
  );
  return [
    ...entry("redis", h("span", { class: "state" }, h("i", { class: `dot ${redis.up ? "ok" : "failed"}` }), up), ...kept),
    ...(redis.up ? entry("refreshers", seen.length ? seen : h("span", { class: "bad" }, t("overview.no_refresher"))) : []),
    ...entry("version", version),
    ...(started === null ? [] : entry("started", moment(started), " ", h("span", { class: "muted" }, `(${span(now() - started)})`))),
  ];
}
