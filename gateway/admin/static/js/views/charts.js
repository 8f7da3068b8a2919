/** Requests, errors, tokens and latencies over the last hour, day or month. */

import { again } from "../again.js";
import { get } from "../api.js";
import { chart } from "../chart.js";
import { h } from "../dom.js";
import { compact, seconds } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";

const SPANS = ["hour", "day", "month"];
const AGAIN_SECONDS = 60;
const RETRY_SECONDS = 5;

export function chartsPanel(signal) {
  const grid = h("div", { class: "charts" });
  const buttons = SPANS.map((span) => h("button", { type: "button", onClick: () => choose(span) }, t(`span.${span}`)));
  const segments = h("div", { class: "segments", role: "group", "aria-label": t("chart.span") }, buttons);
  let failed = false;

  function choose(span) {
    store.span = span;
    load();
  }

  async function load() {
    const wanted = store.span;
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", SPANS[index] === wanted));
    failed = false;
    try {
      const figures = await get(`/figures?span=${wanted}`);
      if (wanted === store.span && !signal.aborted) grid.replaceChildren(...charts(figures));
    } catch (error) {
      failed = true;
      grid.replaceChildren(h("p", { class: "callout tone-bad", role: "alert" }, error.message));
    }
  }

  /** The newest minute, as long as nobody reads in a chart. */
  function refresh() {
    if (!grid.matches(":focus-within, :hover") && !grid.querySelector("details[open]")) load();
  }

  again(refresh, AGAIN_SECONDS, signal);
  again(() => failed && load(), RETRY_SECONDS, signal);
  load();
  return h("section", { class: "chart-section" }, h("div", { class: "bar" }, h("h2", {}, t("chart.title")), segments), grid);
}

function charts({ span, points }) {
  const times = points.map(({ at }) => at);
  const common = { times, long: span === "month" };
  const series = (name, look, value) => ({ name: t(`chart.${name}`), look, values: points.map(value) });
  const counts = { ...common, whole: true, write: compact };
  const lengths = { ...common, whole: false, write: seconds };
  const pair = (field) => [
    series("p50", "one", (point) => point[field]?.p50 ?? null),
    series("p95", "two", (point) => point[field]?.p95 ?? null),
  ];
  return [
    chart({
      ...counts,
      title: t("chart.requests"),
      series: [series("requests", "one", (point) => point.requests), series("errors", "wrong", (point) => point.errors)],
    }),
    chart({
      ...counts,
      title: t("chart.tokens"),
      series: [
        series("prompt", "one", (point) => point.prompt_tokens),
        series("completion", "two", (point) => point.completion_tokens),
      ],
    }),
    chart({ ...lengths, title: t("chart.first_event"), series: pair("first_event_seconds") }),
    chart({ ...lengths, title: t("chart.total"), series: pair("total_seconds") }),
  ];
}
