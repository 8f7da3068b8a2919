/** A new token, or key, for an account that was added here and whose old one is good for nothing. */

import { post } from "../api.js";
import { formDialog } from "../dialogs.js";
import { h, say } from "../dom.js";
import { t } from "../i18n.js";
import { outcomeOf } from "./told.js";

/** Opens the form. The account keeps its name, limits and figures. */
export function newToken({ name, kind, region }) {
  const token = h("input", { id: "new-token", class: "mono", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const label = t(kind === "moonshot" ? "renew.key" : "renew.token");
  const body = [h("p", { class: "muted" }, t("renew.hint")), h("div", { class: "field" }, h("label", { for: token.id }, label), token)];
  formDialog(`${t("action.token")} · ${name}`, body, t("action.save"), async (box) => {
    const [result] = (await post("/accounts", { text: JSON.stringify([entry()]) })).results;
    if (result.outcome !== "added") throw new Error(outcomeOf(result));
    box.close();
    say(t("renew.done"));
  });

  /** The account as it would stand in an accounts file. */
  function entry() {
    if (kind === "moonshot") return { name, kind, api_key: token.value };
    return { name, kind, ...(kind === "kimi" && { region }), refresh_token: token.value };
  }
}
