// Numbers, durations and dates as people read them.

import type { Interval } from "./period";

export type Metric =
  | "visitors"
  | "visits"
  | "pageviews"
  | "views_per_visit"
  | "bounce_rate"
  | "visit_duration"
  | "events";

const language = globalThis.navigator?.language ?? "en";
/** The texts are English; dates and numbers in another language between them would read oddly. */
export const locale = language.startsWith("en") ? language : "en-GB";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });

export function full(value: number): string {
  return whole.format(value);
}

/** Up to 9,999 in full, then 12.3K. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${total}s`;
  if (total < 3600) return `${Math.floor(total / 60)}m ${String(total % 60).padStart(2, "0")}s`;
  return `${Math.floor(total / 3600)}h ${String(Math.floor((total % 3600) / 60)).padStart(2, "0")}m`;
}

export function metricText(metric: Metric, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (metric === "bounce_rate") return `${oneDigit.format(value)}%`;
  if (metric === "visit_duration") return duration(value);
  if (metric === "views_per_visit") return twoDigits.format(value);
  return compact(value);
}

export function metricFull(metric: Metric, value: number | null | undefined): string {
  if (value === null || value === undefined) return "no value";
  if (metric === "visit_duration") return `${whole.format(value)} seconds`;
  if (metric === "bounce_rate" || metric === "views_per_visit") return metricText(metric, value);
  return full(value);
}

export function share(part: number, total: number): string {
  if (total <= 0) return "–";
  const percent = (100 * part) / total;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${percent < 10 ? oneDigit.format(percent) : whole.format(percent)}%`;
}

export type Change = { text: string; spoken: string; direction: "up" | "down" | "flat"; tone: Tone };
export type Tone = "good" | "bad" | "neutral";

/** More is better, except for bounces. */
export function change(metric: Metric, percent: number | null | undefined): Change | null {
  if (percent === null || percent === undefined || Number.isNaN(percent)) return null;
  const rounded = Math.abs(percent) < 10 ? Math.round(percent * 10) / 10 : Math.round(percent);
  if (rounded === 0) {
    return { text: "0%", spoken: "unchanged", direction: "flat", tone: "neutral" };
  }
  const direction = rounded > 0 ? "up" : "down";
  const better = metric === "bounce_rate" ? rounded < 0 : rounded > 0;
  const size = Math.abs(rounded);
  const text = size > 999 ? ">999%" : `${oneDigit.format(size)}%`;
  return { text, spoken: `${direction} ${text}`, direction, tone: better ? "good" : "bad" };
}

/** A label of the API, "2026-11-22" or "2026-11-22 14:00:00", is local time without an offset. */
function civil(label: string): Date {
  return new Date(`${label.slice(0, 10)}T${label.slice(11, 16) || "00:00"}:00Z`);
}

const formats = new Map<string, Intl.DateTimeFormat>();
function dateText(label: string, options: Intl.DateTimeFormatOptions): string {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
    formats.set(key, format);
  }
  const time = civil(label);
  return Number.isNaN(time.getTime()) ? "" : format.format(time);
}

export function bucketShort(label: string, interval: Interval): string {
  if (interval === "hour") return dateText(label, { hour: "numeric" });
  if (interval === "month") return dateText(label, { month: "short" });
  return dateText(label, { day: "numeric", month: "short" });
}

export function bucketLong(label: string, interval: Interval): string {
  if (interval === "hour") {
    return dateText(label, {
      weekday: "short",
      day: "numeric",
      month: "short",
      hour: "numeric",
      minute: "2-digit",
    });
  }
  if (interval === "month") return dateText(label, { month: "long", year: "numeric" });
  const day = dateText(label, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  return interval === "week" ? `Week of ${day}` : day;
}

export function dayText(date: string, withYear: boolean): string {
  return dateText(date, { day: "numeric", month: "short", ...(withYear ? { year: "numeric" } : {}) });
}

export function daysText(from: string, to: string, now: string): string {
  const otherYear = from.slice(0, 4) !== now.slice(0, 4) || to.slice(0, 4) !== now.slice(0, 4);
  if (from === to) return dayText(from, otherYear);
  return `${dayText(from, otherYear && from.slice(0, 4) !== to.slice(0, 4))} – ${dayText(to, otherYear)}`;
}

/** In a site's zone, as everything else on its dashboard is. */
export function clockText(rfc3339: string, timeZone: string): string {
  const time = new Date(rfc3339);
  if (Number.isNaN(time.getTime())) return "";
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone }).format(time);
}

export function agoText(rfc3339: string, now: number = Date.now()): string {
  const seconds = Math.round((Date.parse(rfc3339) - now) / 1000);
  if (Number.isNaN(seconds)) return "";
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  if (seconds > -60) return "just now";
  if (seconds > -3600) return relative.format(Math.ceil(seconds / 60), "minute");
  if (seconds > -86_400) return relative.format(Math.ceil(seconds / 3600), "hour");
  return relative.format(Math.ceil(seconds / 86_400), "day");
}
