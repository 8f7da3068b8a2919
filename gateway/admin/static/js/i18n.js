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

/** Values that are one word. */
const SINGLE = new Set(["n", "field", "host", "key", "path"]);

/** The sentences of the gateway that have words here, those with the most words of their own first. */
const SENTENCES = Object.entries(en)
  .filter(([key]) => key.startsWith("said."))
  .map(([key, text]) => ({ key: key.slice(5), form: form(text), own: text.replace(/\{\w+\}/g, "").length }))
  .sort((one, other) => other.own - one.own);

/** What fits an English text, with a group for each of the values in it. */
function form(text) {
  const literal = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replace(/\\\{(\w+)\\\}/g, (_, name) => `(?<${name}>${SINGLE.has(name) ? "\\S+" : "[^]+?"})`)}$`);
}

/** How a value in a sentence is written, by its name there. */
const VALUES = {
  state: (text) => word("state", text).toLowerCase(),
  time: (text) => text.replace(/^([\d.]+) (d|h|min|s)$/, (_, n, unit) => t(`unit.${unit}`, { n })),
  field: (text) => word("limits", text, word("keys", text)),
  why: explained,
};

/** A sentence of the gateway in the language of the page; "" for one that is not known here. */
export function sentence(text) {
  for (const { key, form } of SENTENCES) {
    const found = form.exec(text);
    if (!found) continue;
    const values = Object.entries(found.groups ?? {}).map(([name, value]) => [name, VALUES[name]?.(value) ?? value]);
    return t(`said.${key}`, Object.fromEntries(values));
  }
  return "";
}

const MOST_KNOWN = 1000; // as many reasons as a pool has at a time
const known = new Map();

/**
 * What the gateway says in English, in the language of the page as far as that is known here: a sentence, several of
 * them, one about a field, or one behind the name of a trouble, as in `RateLimited: too many requests`.
 */
export function explained(text) {
  const key = `${store.language} ${text}`;
  if (!known.has(key)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, sentence(text) || pieced(text));
  }
  return known.get(key);
}

function pieced(text) {
  const [, trouble, rest] = /^([A-Z]\w+): ([^]*)$/.exec(text) ?? [];
  if (trouble) return t("invalid.field", { field: word("trouble", trouble), why: explained(rest) });
  const pieces = text.split("; ");
  if (pieces.length > 1) return pieces.map(explained).join(t("told.semicolon"));
  const [, field, said] = /^([a-z][\w.[\]]*) ([^]+)$/.exec(text) ?? [];
  const why = said && sentence(said);
  return why ? `${VALUES.field(field)} ${why}` : text;
}

/** What the API says of an error: by its code, or else by its sentence, with the code's words for one not known here. */
export function refused(code, message) {
  const text = word("error", code, explained(message));
  return text === message ? word("refusal", code, message).replace("{message}", () => message) : text;
}

/** Chooses a language for good. */
export function speak(language) {
  store.language = language;
  localStorage.setItem("kimi-admin.language", language);
  document.documentElement.lang = tag();
}
