/** The other language, to be chosen. */

import { h } from "./dom.js";
import { LANGUAGES, speak } from "./i18n.js";
import { icon } from "./icons.js";
import { store } from "./store.js";

/** A button for it; `again` draws anew what it stands in. */
export function languageSwitch(again) {
  const other = LANGUAGES.find((each) => each !== store.language);
  const change = () => {
    speak(other);
    again();
    document.querySelector("button.language").focus();
  };
  return h(
    "button",
    { class: "quiet language", type: "button", lang: other === "zh" ? "zh-CN" : other, onClick: change },
    icon("language"),
    h("span", { class: "name" }, other === "zh" ? "中文" : "English"),
  );
}
