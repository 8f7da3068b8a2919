/** Numbers and times as they are written in the chosen language. */

import { region, t } from "./i18n.js";
import { now } from "./store.js";

const made = new Map();

/** Formatters are slow to make and quick to use. */
function intl(Format, options = {}) {
  const key = `${Format.name} ${region()} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new Format(region(), options));
  return made.get(key);
}

export const DASH = "–";

export const number = (value, digits = 0) => intl(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value);
export const compact = (value) =>
  intl(Intl.NumberFormat, { notation: "compact", maximumFractionDigits: 1 }).format(value);
export const percent = (value) => intl(Intl.NumberFormat, { style: "percent", maximumFractionDigits: 1 }).format(value);

/** Bytes in units of 1,024. */
export function bytes(value) {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${number(value / 1024 ** power, power ? 1 : 0)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}

export const seconds = (value) => t("unit.seconds", { n: number(value, value < 10 ? 2 : 1) });

const when = (at, options) => intl(Intl.DateTimeFormat, options).format(at * 1000);
/** A point in time, to the second. */
export const moment = (at) => when(at, { dateStyle: "medium", timeStyle: "medium" });
export const date = (at) => when(at, { dateStyle: "medium" });
export const clock = (at) => when(at, { hour: "2-digit", minute: "2-digit" });
export const day = (at) => when(at, { month: "short", day: "numeric" });

/** How long something takes or lasts: `4:05`, `3 h 20 min`, `2 d 4 h`. */
export function span(length) {
  const left = Math.max(0, Math.floor(length));
  const [d, h, m] = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60];
  if (d) return t("span.days", { d, h });
  if (h) return t("span.hours", { h, m });
  return `${m}:${String(left % 60).padStart(2, "0")}`;
}

/** What is left until `at`; a dash where it is over, or never. */
export function remaining(at) {
  return at !== null && at > now() ? span(at - now()) : DASH;
}

/** How long ago it was. */
export function ago(at) {
  if (at === null) return t("time.never");
  const past = Math.max(0, now() - at);
  const [unit, length] = [["second", 1], ["minute", 60], ["hour", 3600], ["day", 86400]].findLast(
    ([, each]) => past >= each || each === 1,
  );
  return intl(Intl.RelativeTimeFormat, { numeric: "auto" }).format(-Math.floor(past / length), unit);
}

const parts = new Map();

/** A name before the number that it ends with, and that number; digits in the middle of letters are no number. */
function parted(name) {
  if (!parts.has(name)) {
    const [, stem = name, count = "-1"] = /^(.*[^\da-z]|[a-z]*)(\d{1,6})$/i.exec(name) ?? [];
    parts.set(name, [stem, Number(count)]);
  }
  return parts.get(name);
}

/** Sorts names as people do: `a-2` before `a-10`, and what is hexadecimal by its characters. */
export function collate(one, other) {
  const [[stem, count], [otherStem, otherCount]] = [parted(one), parted(other)];
  const { compare } = intl(Intl.Collator);
  return compare(stem, otherStem) || count - otherCount || compare(one, other);
}
