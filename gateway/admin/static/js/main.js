/** Starts the page: sign-in, the stream, and the view that the address names. */

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { languageSwitch } from "./language.js";
import { follow } from "./live.js";
import { address, route } from "./router.js";
import { renewal, signInForm, signedIn } from "./session.js";
import { shell } from "./shell.js";
import { store, tell } from "./store.js";

const VIEWS = {
  overview: () => import("./views/overview.js"),
  accounts: () => import("./views/accounts.js"),
  keys: () => import("./views/keys.js"),
  playground: () => import("./views/playground.js"),
  audit: () => import("./views/audit.js"),
};
const app = document.getElementById("app");

/** Draws the shell and keeps the view in it that the address names. */
function draw() {
  const over = new AbortController();
  const { root, main } = shell(again, over.signal);
  app.replaceChildren(root);
  let shown = null;

  async function show() {
    const { view, detail } = route();
    if (shown?.view !== view) {
      shown?.over.abort();
      const mine = (shown = { view, over: new AbortController() });
      over.signal.addEventListener("abort", () => mine.over.abort());
      const module = await VIEWS[view]();
      if (shown !== mine || mine.over.signal.aborted) return;
      const frame = h("div", { class: `view ${view}` });
      main.replaceChildren(frame);
      main.scrollTop = 0;
      document.title = `${t(`view.${view}`)} · Kimi gateway`;
      module.mount(frame, mine.over.signal);
    }
    tell("detail", detail);
  }
  function again() {
    over.abort();
    draw();
  }

  window.addEventListener("hashchange", show, { signal: over.signal });
  show();
}

function start() {
  if (!location.hash) history.replaceState(null, "", address(route().view));
  store.renew = renewal();
  setInterval(() => tell("tick"), 1000);
  follow();
  draw();
}

function askForTheKey() {
  document.title = `${t("session.sign_in")} · Kimi gateway`;
  app.replaceChildren(h("main", { class: "sign-in-page" }, signInForm(start), languageSwitch(askForTheKey)));
  document.getElementById("key").focus();
}

try {
  if (await signedIn()) start();
  else askForTheKey();
} catch (error) {
  app.replaceChildren(h("main", { class: "sign-in-page" }, h("p", { class: "callout tone-bad", role: "alert" }, error.message)));
}
