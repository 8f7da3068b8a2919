import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { complaint } from "./validity.js";

let turned = false; // whether a dialog has come or gone since the pointer's last click of its own

/** The second click of a double click was meant for what the first one hit, and not for what is in its place by now. */
function guard(event) {
  if (event.detail < 2) turned = false;
  else if (turned) {
    event.stopPropagation();
    event.preventDefault();
  }
}
window.addEventListener("click", guard, { capture: true });

const all = new Set();

/** Closes all that are open, as with Escape. */
export function closeAll() {
  for (const box of [...all].reverse()) box.close();
}

/**
 * Opens a modal dialog. Escape and the cross close it, the focus goes back to where it was, and nothing of it stays.
 * Returns the dialog; `closed` is called when it is gone.
 */
export function dialog(title, body, { footer = [], look = "", closed = () => {} } = {}) {
  const close = h("button", { class: "quiet square", type: "button", "aria-label": t("action.close"), onClick: () => box.close() }, icon("close"));
  const box = h(
    "dialog",
    { class: look, "aria-label": title },
    h("header", {}, h("h2", {}, title), close),
    h("div", { class: "dialog-body", tabindex: "-1" }, body),
    footer.length ? h("footer", {}, footer) : null,
  );
  box.addEventListener("close", () => {
    turned = true;
    all.delete(box);
    box.remove();
    closed();
  });
  if (look.includes("drawer")) box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  turned = true;
  all.add(box);
  return box;
}

export const button = (label, onClick, look = "") => h("button", { class: look, type: "button", onClick }, label);

/** A dialog whose body is a form: `submit` is called with it, and closes the dialog by what it is given. */
export function formDialog(title, body, label, submit) {
  const fault = h("p", { class: "fault", role: "alert" });
  const go = h("button", { class: "primary", type: "submit", form: "dialog-form" }, label);
  const form = h("form", { id: "dialog-form", class: "dialog-form", novalidate: true, onSubmit: send }, body, fault);
  const box = dialog(title, form, { footer: [button(t("action.cancel"), () => box.close()), go] });

  async function send(event) {
    event.preventDefault();
    fault.textContent = complaint(form);
    if (fault.textContent) return;
    go.disabled = true;
    try {
      await submit(box);
    } catch (error) {
      fault.textContent = error.message;
    }
    go.disabled = false;
  }
  form.querySelector("input").focus();
}

/** Asks before something is done, with a text or elements; whether it is to be done. */
export function confirmed(title, question, label, danger = true) {
  return new Promise((resolve) => {
    let yes = false;
    const go = button(label, () => ((yes = true), box.close()), danger ? "danger" : "primary");
    const box = dialog(title, question, {
      look: "narrow",
      footer: [button(t("action.cancel"), () => box.close()), go],
      closed: () => resolve(yes),
    });
  });
}
