/** The table of accounts. Only rows in sight are there; each is written again where something in it has changed. */

import { h, mark, write } from "../dom.js";
import { t } from "../i18n.js";
import { store, tell } from "../store.js";
import { COLUMNS } from "./columns.js";

const SPARE = 4; // rows above and below those in sight

/**
 * @param {import("./listing.js").Listing} listing
 * @param {{open: (name: string) => void, sorted: () => void, signal: AbortSignal}} hooks
 */
export function table(listing, { open, sorted, signal }) {
  const all = h("input", { type: "checkbox", tabindex: "-1", "aria-label": t("accounts.select_all"), onChange: chooseAll });
  const heads = COLUMNS.map((column) => head(column, sorted));
  const body = h("div", { class: "rows", role: "rowgroup" });
  const top = h("div", { class: "line head", role: "row", "aria-rowindex": 1 }, h("div", { class: "tick", role: "columnheader" }, all), heads);
  const grid = h(
    "div",
    { class: "grid", role: "grid", tabindex: "0", "aria-label": t("view.accounts"), "aria-multiselectable": "true", "aria-colcount": COLUMNS.length + 1, "aria-describedby": "grid-help" },
    h("div", { class: "heads", role: "rowgroup" }, top),
    body,
  );
  const rows = []; // in use and spare ones, in the order in which they stand
  let from = 0; // the place of the first one
  const { listing: chosen } = store;

  function height() {
    return Number.parseFloat(getComputedStyle(grid).getPropertyValue("--row"));
  }

  /** Draws what is in sight. */
  function draw() {
    const tall = height();
    const first = Math.max(0, Math.floor(grid.scrollTop / tall) - SPARE);
    const count = Math.max(0, Math.min(listing.names.length - first, Math.ceil(grid.clientHeight / tall) + 2 * SPARE));
    body.style.height = `${listing.names.length * tall}px`;
    mark(grid, "aria-rowcount", String(listing.names.length + 1));
    while (rows.length < count) rows.push(row(body, rows.length));
    turn(first - from);
    from = first;
    rows.forEach((each, slot) => {
      each.root.hidden = slot >= count;
      if (slot < count) place(each, first + slot, tall);
      else each.account = null;
    });
    const found = rows.find((each) => !each.root.hidden && each.name === chosen.active);
    if (found) mark(grid, "aria-activedescendant", found.root.id);
    else grid.removeAttribute("aria-activedescendant");
    all.checked = chosen.selected.size > 0 && listing.names.every((name) => chosen.selected.has(name));
    all.indeterminate = chosen.selected.size > 0 && !all.checked;
    heads.forEach((each, index) => sortMark(each, COLUMNS[index].id));
  }

  /** Lets rows that were scrolled out of sight come in at the other end, so that the others stay as they are. */
  function turn(by) {
    if (Math.abs(by) >= rows.length) return;
    for (let down = by; down > 0; down -= 1) {
      rows.push(rows.shift());
      body.append(rows.at(-1).root);
    }
    for (let up = by; up < 0; up += 1) {
      rows.unshift(rows.pop());
      body.prepend(rows[0].root);
    }
  }

  function place(each, index, tall) {
    const name = listing.names[index];
    const account = store.accounts.get(name);
    each.name = name;
    each.root.style.transform = `translateY(${index * tall}px)`;
    mark(each.root, "aria-rowindex", String(index + 2));
    mark(each.root, "aria-selected", String(chosen.selected.has(name)));
    each.root.classList.toggle("current", name === chosen.active);
    mark(each.check, "aria-label", t("accounts.select", { name }));
    each.check.checked = chosen.selected.has(name);
    if (each.account === account) return; // whatever changes becomes another object
    each.account = account;
    COLUMNS.forEach(({ fill }, column) => fill(each.cells[column], account));
  }

  /** Only what time alone changes. */
  function tick() {
    for (const { account, cells } of rows) {
      if (account) COLUMNS.forEach(({ ticks, fill }, column) => ticks && fill(cells[column], account));
    }
  }

  function select(name, on) {
    if (on) chosen.selected.add(name);
    else chosen.selected.delete(name);
    tell("selection");
  }

  function chooseAll() {
    for (const name of listing.names) {
      if (all.checked) chosen.selected.add(name);
      else chosen.selected.delete(name);
    }
    tell("selection");
  }

  /** Makes the row at that place the current one, and brings it into sight. */
  function go(index) {
    const at = Math.max(0, Math.min(listing.names.length - 1, index));
    const tall = height();
    const room = grid.clientHeight - top.offsetHeight;
    chosen.active = listing.names[at] ?? "";
    if (at * tall < grid.scrollTop) grid.scrollTop = at * tall;
    if ((at + 1) * tall > grid.scrollTop + room) grid.scrollTop = (at + 1) * tall - room;
    draw();
  }

  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid) return;
    const at = listing.names.indexOf(chosen.active);
    const page = Math.max(1, Math.floor(grid.clientHeight / height()) - 2);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: Number.MAX_SAFE_INTEGER }[event.key];
    if (to !== undefined) go(to);
    else if (event.key === "Enter" && at >= 0) open(chosen.active);
    else if (event.key === " " && at >= 0) select(chosen.active, !chosen.selected.has(chosen.active));
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) (all.checked = true), chooseAll();
    else return;
    event.preventDefault();
  });
  grid.addEventListener("focus", () => listing.names.includes(chosen.active) || go(0));
  body.addEventListener("click", (event) => {
    const each = rows.find(({ root }) => root.contains(event.target));
    if (!each) return;
    chosen.active = each.name;
    grid.focus({ preventScroll: true });
    if (event.target.closest(".tick")) select(each.name, !chosen.selected.has(each.name));
    else open(each.name);
    draw();
  });
  let drawn = 0;
  const soon = () => (drawn ||= requestAnimationFrame(() => ((drawn = 0), draw())));
  grid.addEventListener("scroll", soon, { passive: true });
  const size = new ResizeObserver(soon);
  size.observe(grid);
  signal.addEventListener("abort", () => size.disconnect());
  return { root: grid, draw, tick, top: () => (grid.scrollTop = 0) };
}

function head({ id, falls = false }, sorted) {
  const { listing } = store;
  function sort() {
    listing.descending = listing.sort === id ? !listing.descending : falls;
    listing.sort = id;
    sorted();
  }
  return h(
    "div",
    { class: `cell ${id}`, role: "columnheader" },
    h("button", { class: "plain", type: "button", onClick: sort }, t(`column.${id}`), h("span", { class: "arrow", "aria-hidden": "true" })),
  );
}

function sortMark(element, id) {
  const { sort, descending } = store.listing;
  mark(element, "aria-sort", sort !== id ? "none" : descending ? "descending" : "ascending");
  write(element.querySelector(".arrow"), sort !== id ? "" : descending ? "↓" : "↑");
}

function row(body, slot) {
  const check = h("input", { type: "checkbox", tabindex: "-1" });
  const cells = COLUMNS.map(({ make }) => make());
  const root = h(
    "div",
    { class: "line", role: "row", id: `row-${slot}` },
    h("div", { class: "tick", role: "gridcell" }, check),
    COLUMNS.map(({ id }, index) => h("div", { class: `cell ${id}`, role: "gridcell", "data-label": t(`column.${id}`) }, cells[index])),
  );
  body.append(root);
  return { root, check, cells, name: "", account: null };
}
