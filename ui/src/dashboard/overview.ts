// Headline figures and the time series, as one consistent answer.

import { api, type QueryAnswer, type QueryBody, type QueryRow } from "../api";
import { queryFilters } from "../filters";
import type { Metric } from "../format";
import { type DateRange, dateRangeOf, daysBetween, type Interval, intervalsOf, previousOf } from "../period";
import { CHART_METRICS, type View } from "../view";

export type Series = { labels: string[]; values: Record<string, (number | null)[]> };
export type Overview = {
  totals: Record<string, number | null>;
  changes: Record<string, number | null>;
  from: string;
  to: string;
  interval: Interval;
  intervals: Interval[];
  series: Series;
  previous: Series | null;
};

export function baseQuery(site: string, view: View, now: string): Omit<QueryBody, "metrics"> {
  return { site_id: site, date_range: dateRangeOf(view.period, now), filters: queryFilters(view.filters) };
}

export async function loadOverview(
  site: string,
  view: View,
  now: string,
  signal: AbortSignal,
): Promise<Overview> {
  const base = baseQuery(site, view, now);
  const compare = view.compare && view.period.name !== "all";
  const totals = await api.query(
    {
      ...base,
      metrics: CHART_METRICS,
      ...(compare ? { include: { comparisons: { mode: "previous_period" as const } } } : {}),
    },
    signal,
  );
  const { from, to } = answeredDays(totals, base.date_range, now);
  const intervals =
    view.period.name === "24h" ? (["hour"] as Interval[]) : intervalsOf(daysBetween(from, to) + 1);
  const interval =
    view.interval && intervals.includes(view.interval) ? view.interval : (intervals[0] ?? "day");
  const before = compare ? previousRange(totals, view, { from, to }) : null;
  const [series, previous] = await Promise.all([
    loadSeries(base, base.date_range, interval, signal),
    before ? loadSeries(base, before, interval, signal) : null,
  ]);
  const row = totals.results[0];
  const earlier = byMetric(row?.comparison?.metrics);
  const wasSeen = Object.values(earlier).some((value) => (value ?? 0) > 0);
  return {
    totals: ofVisits(byMetric(row?.metrics)),
    // Against nothing there is nothing to compare.
    changes: wasSeen ? byMetric(row?.comparison?.change) : {},
    from,
    to,
    interval,
    intervals,
    series,
    previous: wasSeen ? previous : null,
  };
}

/** A rate or an average of no visits is not zero: there is none. */
export function ofVisits(totals: Record<string, number | null>): Record<string, number | null> {
  if (totals.visits !== 0) return totals;
  return { ...totals, views_per_visit: null, bounce_rate: null, visit_duration: null };
}

function answeredDays(answer: QueryAnswer, asked: DateRange, now: string): { from: string; to: string } {
  const range = answer.query.date_range ?? (Array.isArray(asked) ? asked : [now, now]);
  return { from: range[0].slice(0, 10), to: range[1].slice(0, 10) };
}

function previousRange(answer: QueryAnswer, view: View, days: { from: string; to: string }): DateRange {
  const told = answer.query.comparison_date_range;
  if (told && view.period.name === "24h") return told;
  if (told) return [told[0].slice(0, 10), told[1].slice(0, 10)];
  const before = previousOf(days);
  return [before.from, before.to];
}

async function loadSeries(
  base: Omit<QueryBody, "metrics">,
  range: DateRange,
  interval: Interval,
  signal: AbortSignal,
): Promise<Series> {
  const answer = await api.query(
    {
      ...base,
      date_range: range,
      metrics: CHART_METRICS,
      dimensions: [`time:${interval}`],
      include: { time_labels: true },
    },
    signal,
  );
  return aligned(answer.meta.time_labels, answer.results);
}

/** One value per label: the API leaves out empty buckets. The hour that a clock change repeats comes twice. */
export function aligned(
  labels: string[] | undefined,
  rows: QueryRow[],
  metrics: Metric[] = CHART_METRICS,
): Series {
  const sorted = [...rows].sort((a, b) => ((a.dimensions[0] ?? "") < (b.dimensions[0] ?? "") ? -1 : 1));
  const all = labels ?? sorted.map((row) => row.dimensions[0] ?? "");
  const waiting = new Map<string, QueryRow[]>();
  for (const row of sorted) {
    const label = row.dimensions[0] ?? "";
    waiting.set(label, [...(waiting.get(label) ?? []), row]);
  }
  const found = all.map((label) => waiting.get(label)?.shift());
  const values: Series["values"] = {};
  metrics.forEach((metric, at) => {
    values[metric] = found.map((row) => row?.metrics[at] ?? (isCount(metric) || !row ? 0 : null));
  });
  return { labels: all, values };
}

function isCount(metric: Metric): boolean {
  return metric === "visitors" || metric === "visits" || metric === "pageviews" || metric === "events";
}

/** Buckets that have not begun are not zero: the line ends where the present is. */
export function untilNow(labels: string[], values: (number | null)[], localNow: string): (number | null)[] {
  return values.map((value, at) => {
    const label = labels[at] ?? "";
    return label.slice(0, 19) > localNow.slice(0, label.length) ? null : value;
  });
}

/** Which bucket is still filling, or -1: its figure is not comparable yet. */
export function currentBucket(labels: string[], interval: Interval, localNow: string): number {
  const at = labels.findLastIndex((label) => label.slice(0, 19) <= localNow.slice(0, label.length));
  const label = labels[at];
  if (label === undefined) return -1;
  if (interval === "hour") return label.slice(0, 13) === localNow.slice(0, 13) ? at : -1;
  if (interval === "month") return label.slice(0, 7) === localNow.slice(0, 7) ? at : -1;
  return daysBetween(label, localNow.slice(0, 10)) < (interval === "week" ? 7 : 1) ? at : -1;
}

export function byMetric(values: (number | null)[] | undefined): Record<string, number | null> {
  return Object.fromEntries(CHART_METRICS.map((metric, at) => [metric, values?.[at] ?? null]));
}
