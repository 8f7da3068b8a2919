/** All accounts: search, filters, the table, and what can be done with those that are selected. */

import { ACTIONS, act, save } from "../accounts/actions.js";
import { addAccounts } from "../accounts/add.js";
import { drawer } from "../accounts/drawer.js";
import { editLimits } from "../accounts/limits.js";
import { FILTERS, Listing } from "../accounts/listing.js";
import { table } from "../accounts/table.js";
import { button } from "../dialogs.js";
import { h, say, write } from "../dom.js";
import { number } from "../format.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { address, route } from "../router.js";
import { on, store } from "../store.js";

export function mount(frame, signal) {
  const listing = new Listing();
  const { listing: chosen } = store;
  const search = h("input", { type: "search", class: "find", placeholder: t("accounts.search_in"), "aria-label": t("accounts.search"), value: chosen.search, onInput: find });
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("accounts.filter") });
  const tools = h("div", { class: "chips tools", role: "toolbar", "aria-label": t("accounts.selected_tools") });
  const note = h("p", { class: "empty" });
  const missing = h("p", { class: "callout tone-warn", role: "status", hidden: true });
  let opened = { name: "", box: null };
  const rows = table(listing, { open, sorted: again, signal });
  const filters = FILTERS.map((filter) => chip(filter, choose));
  chips.append(...filters.map(({ root }) => root));
  frame.append(
    h(
      "div",
      { class: "bar" },
      h("h1", {}, t("view.accounts")),
      search,
      button([icon("export"), h("span", { class: "wide-only" }, t("action.export"))], () => save(null)),
      button([icon("add"), t("action.add")], addAccounts, "primary"),
    ),
    missing,
    chips,
    tools,
    h("p", { class: "unseen", id: "grid-help" }, t("accounts.keys")),
    rows.root,
    note,
  );

  /** Everything in its place, after a change of whatever kind. */
  function show() {
    listing.update();
    for (const { name, root, count } of filters) {
      root.setAttribute("aria-pressed", String(name === chosen.state));
      root.hidden = name !== "all" && name !== chosen.state && !listing.counts.get(name);
      write(count, number(listing.counts.get(name)));
    }
    rows.draw();
    note.hidden = listing.names.length > 0;
    write(note, !store.loaded ? t("accounts.loading") : store.accounts.size ? t("accounts.none_found") : t("accounts.none"));
    if (store.loaded && !performance.getEntriesByName("accounts:first").length) performance.measure("accounts:first");
  }

  function again() {
    missing.hidden = true;
    show();
    selection();
    rows.top();
  }

  function find() {
    chosen.search = search.value;
    again();
    say(t("accounts.found", { n: number(listing.names.length) }));
  }

  function choose(filter) {
    chosen.state = filter;
    again();
    say(t("accounts.found", { n: number(listing.names.length) }));
  }

  function selection() {
    const { size } = chosen.selected;
    const unseen = hidden();
    tools.hidden = size === 0;
    chips.hidden = size > 0;
    write(tools.children[0], t("accounts.selected", { n: number(size) }));
    write(tools.children[1], unseen ? t("accounts.hidden", { n: number(unseen) }) : "");
    tools.children[1].hidden = !unseen;
    rows.draw();
  }

  /** Opens the drawer that the address names, and closes any other. */
  function details(name) {
    if (opened.name === name) return;
    const former = opened.box;
    opened = { name, box: null };
    former?.close();
    if (!name) return;
    missing.hidden = true;
    const hooks = { closed: () => closed(name), missed: () => missed(name), leave: () => rows.root.focus() };
    opened.box = drawer(name, hooks);
  }

  /** Says why there is no drawer for that name. */
  function missed(name) {
    missing.hidden = false;
    write(missing, t("accounts.missing", { name }));
  }

  /** A drawer that was closed by hand is gone from the address as well. */
  function closed(name) {
    if (opened.name !== name) return;
    opened = { name: "", box: null };
    history.replaceState(null, "", address(route().view));
    rows.root.focus();
  }

  const names = () => [...chosen.selected];

  /** How many of the selected ones search and filter hide. */
  function hidden() {
    if (!chosen.selected.size) return 0;
    const shown = new Set(listing.names);
    return names().filter((name) => !shown.has(name)).length;
  }

  /** They are selected no more, as after an action. Where its button is gone then, the focus goes to the table. */
  function unselect(over) {
    for (const name of over) chosen.selected.delete(name);
    selection();
    if (tools.hidden || document.activeElement === document.body) rows.root.focus();
  }

  const perform = async (id) => unselect(await act(id, names(), hidden()));

  tools.append(
    h("b", {}),
    h("span", { class: "warn small" }),
    ...ACTIONS.filter(({ id }) => id !== "delete").map(({ id }) => button(t(`action.${id}`), () => perform(id))),
    button(t("action.edit"), () => editLimits(names(), hidden(), unselect)),
    button(t("action.export"), async () => unselect(await save(names(), hidden()))),
    button(t("action.delete"), () => perform("delete")),
    button(t("accounts.unselect"), () => unselect(names()), "quiet"),
  );

  on("accounts", (changed) => {
    for (const name of changed) if (!store.accounts.has(name)) chosen.selected.delete(name);
    show();
    selection();
  }, signal);
  on("tick", rows.tick, signal);
  on("selection", selection, signal);
  on("detail", details, signal);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, dialog");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.select();
  }, { signal });
  signal.addEventListener("abort", () => details(""));
  show();
  selection();
}

function chip(name, choose) {
  const count = h("span", { class: "count" });
  const label = t(name === "all" ? "accounts.all" : `state.${name}`);
  return { name, count, root: h("button", { type: "button", onClick: () => choose(name) }, h("i", { class: `dot ${name}`, hidden: name === "all" }), label, count) };
}

const open = (name) => (location.hash = address("accounts", name));
