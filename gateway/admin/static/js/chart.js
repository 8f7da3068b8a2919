/** Line charts drawn by hand: axes with ticks, a readout for pointer and keys, and the same as a table. */

import { h, s, write } from "./dom.js";
import { DASH, clock, day, moment } from "./format.js";
import { t } from "./i18n.js";

const HEIGHT = 168;
const EDGE = { top: 10, right: 8, bottom: 22, left: 46 };

/** The next round number from `value` on: 1, 2 or 5 times a power of ten. */
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/** Three to five ticks from zero on that reach `top`. */
function ticks(top, whole) {
  const step = Math.max(round((top || 1) / 4), whole ? 1 : 0);
  return Array.from({ length: Math.ceil((top || 1) / step - 1e-9) + 1 }, (_, index) => index * step);
}

const MINUTE = 60;
const DAY = 86400;
const STEPS = [5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 60 * MINUTE, 180 * MINUTE, 360 * MINUTE, DAY, 2 * DAY, 5 * DAY, 10 * DAY];

/** Round times of this clock between the first and the last one, at most `most` of them. */
function hours(first, last, most) {
  const step = STEPS.find((each) => (last - first) / each <= most) ?? STEPS.at(-1);
  const offset = new Date(first * 1000).getTimezoneOffset() * MINUTE;
  const start = Math.ceil((first - offset) / step) * step + offset;
  return Array.from({ length: Math.max(0, Math.floor((last - start) / step) + 1) }, (_, index) => start + index * step);
}

/** The paths of a line with gaps where there is no value. */
function line(values, x, y) {
  let path = "";
  values.forEach((value, index) => {
    if (value === null) return;
    path += `${values[index - 1] === null || index === 0 ? "M" : "L"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return path;
}

/**
 * A chart of some series over the same times.
 * @param {{title: string, times: number[], long: boolean, whole: boolean, write: (value: number) => string,
 *   series: {name: string, look: string, values: (?number)[]}[]}} what `long`: ticks are days and not times of day
 */
export function chart({ title, times, long, whole, write: told, series }) {
  const svg = s("svg", { class: "plot", height: HEIGHT, "aria-hidden": "true" });
  const time = h("span", { class: "muted" });
  const figures = series.map(() => h("b", {}));
  const legend = series.map(({ name, look }, index) =>
    h("span", { class: `legend ${look}` }, h("i"), h("span", { class: "muted" }, name), figures[index]),
  );
  const plot = h("div", { class: "plot-frame", role: "slider", tabindex: "0", "aria-label": title, "aria-valuemin": 0, "aria-valuemax": times.length - 1 }, svg);
  const top = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
  const marks = ticks(top, whole);
  const cursor = s("line", { class: "cursor", y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
  const dots = series.map(({ look }) => s("circle", { class: look, r: 3.5 }));
  let width = 0;
  let chosen = null;

  const x = (index) => EDGE.left + ((width - EDGE.left - EDGE.right) * index) / Math.max(1, times.length - 1);
  const y = (value) => HEIGHT - EDGE.bottom - ((HEIGHT - EDGE.top - EDGE.bottom) * value) / marks.at(-1);

  function draw() {
    const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
    const at = (time) => x(((time - first) / (last - first || 1)) * (times.length - 1));
    const fitting = hours(first, last, Math.max(2, Math.floor(width / 80))).filter((time) => at(time) < width - 24);
    svg.setAttribute("width", width);
    svg.replaceChildren(
      ...marks.flatMap((value) => [
        s("line", { class: "rule", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
        s("text", { x: EDGE.left - 7, y: y(value) + 4, "text-anchor": "end" }, told(value)),
      ]),
      ...fitting.map((time) => s("text", { x: at(time), y: HEIGHT - 5, "text-anchor": "middle" }, (long ? day : clock)(time))),
      ...series.map(({ look, values }) => s("path", { class: `line ${look}`, d: line(values, x, y) })),
      cursor,
      ...dots,
    );
    read(chosen);
  }

  /** Shows what was at that time; the latest where none is chosen. */
  function read(index) {
    chosen = index;
    const at = index ?? times.length - 1;
    cursor.toggleAttribute("hidden", index === null);
    cursor.setAttribute("x1", x(at));
    cursor.setAttribute("x2", x(at));
    series.forEach(({ values }, number) => {
      const value = values[at] ?? null;
      write(figures[number], value === null ? DASH : told(value));
      dots[number].toggleAttribute("hidden", index === null || value === null);
      dots[number].setAttribute("cx", x(at));
      dots[number].setAttribute("cy", y(value ?? 0));
    });
    write(time, times.length ? moment(times[at]) : "");
    const words = series.map(({ name }, number) => `${name} ${figures[number].textContent}`);
    plot.setAttribute("aria-valuenow", Math.max(0, at));
    plot.setAttribute("aria-valuetext", [time.textContent, ...words].join(", "));
  }

  plot.addEventListener("pointermove", (event) => {
    const part = (event.clientX - svg.getBoundingClientRect().left - EDGE.left) / (width - EDGE.left - EDGE.right);
    read(Math.max(0, Math.min(times.length - 1, Math.round(part * (times.length - 1)))));
  });
  plot.addEventListener("pointerleave", () => read(null));
  plot.addEventListener("blur", () => read(null));
  plot.addEventListener("keydown", (event) => {
    const last = times.length - 1;
    const at = chosen ?? last;
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 10, PageDown: at + 10, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    read(Math.max(0, Math.min(last, next)));
  });
  new ResizeObserver(([entry]) => {
    width = Math.round(entry.contentRect.width);
    draw();
  }).observe(plot);

  return h(
    "figure",
    { class: "panel chart" },
    h("header", {}, h("h3", {}, title), time),
    h("div", { class: "legends" }, legend),
    plot,
    numbers({ title, times, series, told }),
  );
}

/** The chart as a table, made when it is opened. */
function numbers({ title, times, series, told }) {
  const details = h("details", { class: "numbers" }, h("summary", {}, t("chart.table")));
  const cell = (value) => h("td", { class: "figure" }, value === null ? DASH : told(value));
  details.addEventListener(
    "toggle",
    () => {
      const heads = [t("chart.time"), ...series.map(({ name }) => name)];
      const rows = times.map((at, index) =>
        h("tr", {}, h("th", { scope: "row" }, moment(at)), series.map(({ values }) => cell(values[index]))),
      );
      const table = h("table", {}, h("caption", { class: "unseen" }, title));
      table.append(h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows.reverse()));
      details.append(h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": title }, table));
    },
    { once: true },
  );
  return details;
}
