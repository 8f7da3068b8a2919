/** What stands around every view: navigation, whether the page is live, language, theme, and the way out. */

import { h, mark, say, write } from "./dom.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { languageSwitch } from "./language.js";
import { VIEWS, address, route } from "./router.js";
import { signOut } from "./session.js";
import { on, store } from "./store.js";
import { THEMES, wear } from "./theme.js";

/** Builds the shell; returns it with its `main`. `again` draws all of the page anew, as in another language. */
export function shell(again, signal) {
  const count = h("span", { class: "count" });
  const links = VIEWS.map((view) =>
    h("a", { href: address(view), "data-view": view }, icon(view), h("span", {}, t(`view.${view}`)), view === "accounts" && count),
  );
  const main = h("main", { id: "main", tabindex: "0" });
  const root = h(
    "div",
    { class: "shell" },
    h("button", { class: "skip", type: "button", onClick: () => main.focus() }, t("shell.skip")),
    h(
      "div",
      { class: "side" },
      h("div", { class: "brand" }, h("img", { src: "/admin/static/icon.svg", alt: "" }), "Kimi gateway"),
      h("nav", { class: "nav", "aria-label": t("shell.navigation") }, links),
      h("div", { class: "foot" }, liveness(signal), languageSwitch(again), themeSwitch(), leaving()),
    ),
    main,
  );

  function here() {
    mark(main, "aria-label", t(`view.${route().view}`));
    for (const link of links) {
      if (link.dataset.view === route().view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
  function counted() {
    write(count, store.loaded ? number(store.accounts.size) : "");
  }
  window.addEventListener("hashchange", here, { signal });
  on("accounts", counted, signal);
  here();
  counted();
  return { root, main };
}

function liveness(signal) {
  const dot = h("span", { class: "dot" });
  const name = h("span", { class: "name" });
  function show() {
    const text = t(`live.${store.live}`);
    if (name.textContent && name.textContent !== text) say(text);
    write(name, text);
    mark(dot, "class", `dot ${store.live}`);
  }
  on("live", show, signal);
  show();
  return h("span", { class: "state live", title: t("live.title") }, dot, name);
}

function themeSwitch() {
  const name = h("span", { class: "name" });
  const button = h("button", { class: "quiet theme", type: "button", onClick: next }, icon("auto"), name);
  function show() {
    write(name, t(`theme.${store.theme}`));
    button.firstChild.replaceWith(icon(store.theme));
  }
  function next() {
    wear(THEMES[(THEMES.indexOf(store.theme) + 1) % THEMES.length]);
    show();
    say(t(`theme.${store.theme}`));
  }
  show();
  return button;
}

const leaving = () =>
  h("button", { class: "quiet", type: "button", onClick: signOut }, icon("leave"), h("span", { class: "name" }, t("session.sign_out")));
