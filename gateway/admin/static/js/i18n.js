import en from "./strings/en.js";
import zh from "./strings/zh.js";
import { store } from "./store.js";

const STRINGS = { en, zh };
export const LANGUAGES = Object.keys(STRINGS);

/** The BCP 47 tag of the chosen language. */
const tag = () => (store.language === "zh" ? "zh-CN" : "en");

/** The same for Intl: where the browser speaks that language as well, numbers and times are those of its region. */
export const region = () => (navigator.language.startsWith(store.language) ? navigator.language : tag());

/** The text of a key in the chosen language; `{name}` in it stands for a value. Raises for a key that is not there. */
export function t(key, values = {}) {
  const text = STRINGS[store.language][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The text for a word of the API, or `otherwise` where this page does not know it yet. */
export const word = (group, name, otherwise = name) => STRINGS[store.language][`${group}.${name}`] ?? otherwise;

/** A reason that begins with the name of a known trouble, as in `RateLimited: too many requests`, with words for that. */
export const explained = (text) => text.replace(/^([A-Z]\w+)(?=: )/, (name) => word("trouble", name));

/** Chooses a language for good. */
export function speak(language) {
  store.language = language;
  localStorage.setItem("kimi-admin.language", language);
  document.documentElement.lang = tag();
}
