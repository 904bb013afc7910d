// What a dashboard shows, as it stands in the address: a link shows the same to whoever opens it.

import { decodeFilter, encodeFilter, FILTERS_MAX, type Filter } from "./filters";
import type { Metric } from "./format";
import { type Interval, isDate, isPeriodName, type Period } from "./period";

export type View = {
  period: Period;
  compare: boolean;
  metric: Metric;
  interval: Interval | null;
  filters: Filter[];
};

export const CHART_METRICS: Metric[] = [
  "visitors",
  "visits",
  "pageviews",
  "views_per_visit",
  "bounce_rate",
  "visit_duration",
];
const INTERVALS: Interval[] = ["hour", "day", "week", "month"];

/** Anything unreadable falls back to its default: an address typed by hand must never break the page. */
export function parseView(search: string): View {
  const params = new URLSearchParams(search);
  const metric = params.get("metric") as Metric;
  const interval = params.get("interval") as Interval;
  return {
    period: parsePeriod(params),
    compare: params.get("compare") !== "0",
    metric: CHART_METRICS.includes(metric) ? metric : "visitors",
    interval: INTERVALS.includes(interval) ? interval : null,
    filters: params
      .getAll("f")
      .map(decodeFilter)
      .filter((filter) => filter !== null)
      .slice(0, FILTERS_MAX),
  };
}

function parsePeriod(params: URLSearchParams): Period {
  const name = params.get("period") ?? "30d";
  const from = params.get("from");
  const to = params.get("to");
  if (name === "custom" && isDate(from) && isDate(to)) {
    return from <= to ? { name, from, to } : { name, from: to, to: from };
  }
  return { name: isPeriodName(name) ? name : "30d" };
}

/** Only what differs from the default is written: a plain view has a plain address. */
export function viewSearch(view: View): string {
  const params = new URLSearchParams();
  if (view.period.name !== "30d") params.set("period", view.period.name);
  if (view.period.name === "custom") {
    params.set("from", view.period.from);
    params.set("to", view.period.to);
  }
  if (!view.compare) params.set("compare", "0");
  if (view.metric !== "visitors") params.set("metric", view.metric);
  if (view.interval) params.set("interval", view.interval);
  for (const filter of view.filters) params.append("f", encodeFilter(filter));
  const text = params.toString();
  return text && `?${text.replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/")}`;
}
