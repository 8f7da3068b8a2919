/** What the gateway says in English of what was done, in the language of the page as far as it is simple. */

import { explained, sentence, t, word } from "../i18n.js";

/** What the action itself says already. */
const BARE = new Set(["paused", "resumed", "cleared", "deleted"]);
/** The words for what was done to several accounts, with the action of each. */
const DONE = { answered: "test", refreshed: "refresh", paused: "pause", resumed: "resume", cleared: "clear", deleted: "delete", given: "edit" };
const LIMIT = /^(?:(\d+) given )?(max_concurrency|requests_per_minute|weight|priority) (-?[\d.e+-]+)$/;

const PARTS = [
  [/^answered: ([^]*)$/, (text) => t("told.answered", { text })],
  [/^kind (\S+)$/, (kind) => t("told.kind", { kind })],
  [/^expires (\S+) \(in .+\)$/, (day) => t("told.expires", { day })],
  [/^(\d+) (added|known|refused)$/, (n, outcome) => `${t(`add.${outcome}`)} ${n}`],
  [/^(\d+) (answered|refreshed|paused|resumed|cleared|deleted)$/, (n, done) => several(n, done)],
  [/^(\d+) failed: ([^]*)$/, (n, which) => t("told.failed", { n, which: each(which) })],
  [LIMIT, (n, name, value) => [n && several(n, "given"), t(`limits.${name}`), value].filter(Boolean).join(" ")],
  [/^(tokens_per_day|concurrent) (\d+)$/, (name, value) => `${t(`keys.${name}`)} ${value}`],
  [/^models (\S.*[^.])$/, (names) => `${t("keys.models")} ${names}`],
];

/** Names with why it was not done to each. */
const each = (which) => about(which.replace(/([^ ,()]+) \(([^]*?)\)(?=, \S+ \(| … |$)/g, (_, name, why) => `${name} (${told(why)})`));

const several = (n, done) => t("told.several", { n, done: t(`did.${DONE[done]}`) });

function part(text) {
  for (const [form, say] of PARTS) {
    const found = form.exec(text);
    if (found) return say(...found.slice(1));
  }
  return "";
}

/** The message of a result, or the detail of an entry of the audit log; "" where the name of the action says it all. */
export function told(message) {
  if (BARE.has(message)) return "";
  const [, done, failed] = /^(.+?), (\d+ failed: [^]*)$/.exec(message) ?? [];
  if (failed) return `${told(done)}${t("told.comma")}${part(failed)}`;
  const whole = sentence(message) || part(message);
  if (whole) return whole;
  const pieces = message.split(/, (?!which |and )/);
  return pieces.some(part) ? pieces.map((each) => part(each) || explained(each)).join(t("told.comma")) : explained(message);
}

/** What an entry of the audit log, or an alert, is about. */
export const about = (subject) =>
  subject === "all accounts" ? t("accounts.every") : subject.replace(/and (\d+) more$/, (_, n) => t("accounts.more", { n }));

/** Why an entry was not added, or what more there is to be said of one that was; "" for nothing. */
export function outcomeOf({ code, twin, message }) {
  return code === "added" || code === "known" ? "" : word("code", code, explained(message)).replace("{twin}", () => twin);
}
