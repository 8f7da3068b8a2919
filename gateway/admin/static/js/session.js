/** Signing in and out, and signing in again where a session has ended while the page was open. */

import { Failure, once } from "./api.js";
import { h, say } from "./dom.js";
import { t } from "./i18n.js";
import { store } from "./store.js";
import { complaint } from "./validity.js";

/** Whether there is a session already. Throws `Failure` where that cannot be known. */
export async function signedIn() {
  try {
    store.csrf = (await (await once("GET", "/session")).json()).csrf;
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}

export async function signOut() {
  await once("DELETE", "/session").catch(() => {}); // what has ended already need not be ended
  location.reload();
}

/** A form that asks for the key until it is right, and calls `done` then. */
export function signInForm(done, note = "") {
  const key = h("input", { id: "key", type: "password", autocomplete: "current-password", required: true, autofocus: true });
  const button = h("button", { class: "primary wide", type: "submit" }, t("session.sign_in"));
  const fault = h("p", { class: "fault", id: "key-fault", role: "alert" });
  key.setAttribute("aria-describedby", "key-fault");

  async function submit(event) {
    event.preventDefault();
    fault.textContent = complaint(event.target);
    if (fault.textContent) return;
    button.disabled = true;
    try {
      const answer = await once("POST", "/session", { key: key.value });
      store.csrf = (await answer.json()).csrf;
      say(t("session.signed_in"));
      done();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      key.select();
      fault.textContent = { 401: t("session.wrong"), 429: t("session.too_many") }[error.status] ?? error.message;
      if (error.wait) return hold(error.wait);
    }
    button.disabled = false;
  }

  /** Nothing can be sent for a while after too many wrong keys. */
  function hold(wait) {
    const end = Date.now() + wait * 1000;
    const timer = setInterval(tick, 250);
    function tick() {
      const left = Math.ceil((end - Date.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? t("session.wait", { n: left }) : t("session.sign_in");
      if (left > 0) return;
      clearInterval(timer);
      fault.textContent = "";
    }
    tick();
  }

  return h(
    "form",
    { class: "sign-in", novalidate: true, onSubmit: submit },
    h("img", { src: "/admin/static/icon.svg", alt: "", width: 40, height: 40 }),
    h("h1", { id: "sign-in-title" }, t("session.title")),
    h("p", { class: "muted" }, note || t("session.hint")),
    // Password managers file a key under a name.
    h("input", { class: "unseen", type: "text", autocomplete: "username", value: "admin", tabindex: -1, "aria-hidden": "true", readonly: true }),
    h("label", { for: "key" }, t("session.key")),
    key,
    fault,
    button,
  );
}

/** Asks for the key over whatever is open, so that nothing of it is lost. All who wait for it share one question. */
export function renewal() {
  let waiting = null;
  return () => {
    waiting ??= ask().finally(() => (waiting = null));
    return waiting;
  };
}

async function ask() {
  if (await signedIn()) return; // in another tab, or under another token
  await new Promise((resolve) => {
    // It stays: Escape is held back, and where there is another way to close it, as on phones, it is opened again.
    const hold = (event) => event.key === "Escape" && event.preventDefault();
    const dialog = h("dialog", { class: "over", "aria-labelledby": "sign-in-title", onKeydown: hold, onClose: () => over || dialog.showModal() });
    let over = false;
    const done = () => {
      if (over) return;
      over = true;
      document.removeEventListener("visibilitychange", looked);
      dialog.close();
      dialog.remove();
      resolve();
    };
    /** Whoever comes back from another tab may have signed in there. */
    const looked = async () => {
      if (!document.hidden && (await signedIn().catch(() => false))) done();
    };
    document.addEventListener("visibilitychange", looked);
    dialog.append(signInForm(done, t("session.expired")));
    document.body.append(dialog);
    dialog.showModal();
  });
}
