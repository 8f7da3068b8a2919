/** Starts the page: sign-in, the stream, and the view that the address names. */

import { Failure } from "./api.js";
import { closeAll } from "./dialogs.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { languageSwitch } from "./language.js";
import { follow } from "./live.js";
import { address, route } from "./router.js";
import { renewal, signInForm, signedIn } from "./session.js";
import { shell } from "./shell.js";
import { store, tell } from "./store.js";
import * as accounts from "./views/accounts.js";
import * as audit from "./views/audit.js";
import * as keys from "./views/keys.js";
import * as overview from "./views/overview.js";
import * as playground from "./views/playground.js";

/** All of them are there from the start: one that was fetched later could not be looked at while the gateway is away. */
const VIEWS = { overview, accounts, keys, playground, audit };
const RETRY_MS = 3000;
const app = document.getElementById("app");

/** Draws the shell and keeps the view in it that the address names. */
function draw() {
  const over = new AbortController();
  const { root, main } = shell(again, over.signal);
  app.replaceChildren(root);
  let shown = null;

  function show() {
    const { view, detail } = route();
    if (shown?.view !== view) {
      shown?.over.abort();
      const mine = (shown = { view, over: new AbortController() });
      over.signal.addEventListener("abort", () => mine.over.abort());
      const frame = h("div", { class: `view ${view}` });
      main.replaceChildren(frame);
      main.scrollTop = 0;
      document.title = `${t(`view.${view}`)} · Kimi gateway`;
      VIEWS[view].mount(frame, mine.over.signal);
    }
    tell("detail", detail);
  }
  function again() {
    over.abort();
    draw();
  }
  /** Whoever goes back in the browser leaves what was open over the page as well. */
  function gone() {
    closeAll();
    show();
  }

  window.addEventListener("hashchange", gone, { signal: over.signal });
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

/** Asks who is there until that can be said, and tells what is in the way for as long. */
async function begin(told = "") {
  const { here, message } = await signedIn().then((here) => ({ here }), hinders);
  if (here) return start();
  if (!message) return askForTheKey();
  if (message !== told) app.replaceChildren(waiting(message));
  setTimeout(() => begin(message), RETRY_MS);
}

function hinders(error) {
  if (!(error instanceof Failure)) throw error;
  return { message: error.message };
}

const waiting = (message) =>
  h(
    "main",
    { class: "sign-in-page" },
    h(
      "div",
      { class: "sign-in" },
      h("img", { src: "/admin/static/icon.svg", alt: "", width: 40, height: 40 }),
      h("h1", {}, "Kimi gateway"),
      h("p", { class: "callout tone-bad", role: "alert" }, message),
      h("p", { class: "muted" }, t("session.goes_on")),
    ),
  );

await begin();
