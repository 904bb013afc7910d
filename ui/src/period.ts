// Which days a dashboard shows. Dates are the site's own civil days as "YYYY-MM-DD": no clock, no offset.

export const PERIODS = [
  { name: "day", label: "Today", key: "d" },
  { name: "yesterday", label: "Yesterday", key: "e" },
  { name: "24h", label: "Last 24 hours", key: "h" },
  { name: "7d", label: "Last 7 days", key: "w" },
  { name: "30d", label: "Last 30 days", key: "t" },
  { name: "91d", label: "Last 91 days", key: "q" },
  { name: "month", label: "This month", key: "m" },
  { name: "lastmonth", label: "Last month", key: "p" },
  { name: "year", label: "This year", key: "y" },
  { name: "12mo", label: "Last 12 months", key: "l" },
  { name: "all", label: "All time", key: "a" },
] as const;

export type PeriodName = (typeof PERIODS)[number]["name"] | "28d" | "6mo" | "custom";
export type Period = { name: Exclude<PeriodName, "custom"> } | { name: "custom"; from: string; to: string };
export type Days = { from: string; to: string };
export type Interval = "hour" | "day" | "week" | "month";
export type DateRange = string | [string, string];

const MS_PER_DAY = 86_400_000;
const NAMES = new Set<string>([...PERIODS.map((period) => period.name), "28d", "6mo"]);

export function isPeriodName(text: string): text is Exclude<PeriodName, "custom"> {
  return NAMES.has(text);
}

export function isDate(text: string | null | undefined): text is string {
  if (!text || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

export function today(timeZone: string, now: Date = new Date()): string {
  return localTime(timeZone, now).slice(0, 10);
}

/** "YYYY-MM-DD HH:MM:SS" on the wall clock of that zone; an unknown zone counts as UTC. */
export function localTime(timeZone: string, now: Date = new Date()): string {
  const options: Intl.DateTimeFormatOptions = {
    dateStyle: "short",
    timeStyle: "medium",
    hourCycle: "h23",
  };
  try {
    return new Intl.DateTimeFormat("sv-SE", { ...options, timeZone }).format(now);
  } catch {
    return new Intl.DateTimeFormat("sv-SE", { ...options, timeZone: "UTC" }).format(now);
  }
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * MS_PER_DAY).toISOString().slice(0, 10);
}

export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / MS_PER_DAY);
}

function startOfMonth(date: string, monthsBack = 0): string {
  const year = Number(date.slice(0, 4));
  const month = Number(date.slice(5, 7)) - 1 - monthsBack;
  return new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10);
}

/** The first and last day shown, or null where only the server knows them (24h, all). */
export function daysOf(period: Period, now: string): Days | null {
  switch (period.name) {
    case "custom":
      return { from: period.from, to: period.to };
    case "day":
      return { from: now, to: now };
    case "yesterday":
      return { from: addDays(now, -1), to: addDays(now, -1) };
    case "month":
      return { from: startOfMonth(now), to: now };
    case "lastmonth":
      return { from: startOfMonth(now, 1), to: addDays(startOfMonth(now), -1) };
    case "6mo":
      return { from: startOfMonth(now, 5), to: now };
    case "12mo":
      return { from: startOfMonth(now, 11), to: now };
    case "year":
      return { from: `${now.slice(0, 4)}-01-01`, to: now };
    case "24h":
    case "all":
      return null;
    default:
      return { from: addDays(now, 1 - Number.parseInt(period.name, 10)), to: now };
  }
}

/** What the API is asked. Explicit days, so that "last 7 days" always includes today, wherever it is read. */
export function dateRangeOf(period: Period, now: string): DateRange {
  if (period.name === "day" || period.name === "24h" || period.name === "all") return period.name;
  const days = daysOf(period, now);
  return days ? [days.from, days.to] : period.name;
}

/** Intervals that give a readable number of points, the best first. */
export function intervalsOf(days: number): Interval[] {
  if (days <= 1) return ["hour"];
  if (days <= 7) return ["day", "hour"];
  if (days <= 31) return ["day", "week"];
  if (days <= 100) return ["day", "week", "month"];
  if (days <= 200) return ["week", "day", "month"];
  return ["month", "week", "day"];
}

/** The same number of days directly before or after; null when that lies in the future or makes no sense. */
export function shifted(period: Period, now: string, direction: -1 | 1): Period | null {
  if (period.name === "month" || period.name === "lastmonth") {
    const back = period.name === "month" ? 0 : 1;
    return wholeMonth(startOfMonth(now, back - direction), now);
  }
  const days = daysOf(period, now);
  if (!days) return null;
  const month = wholeMonthOf(days);
  if (period.name === "custom" && month) return wholeMonth(startOfMonth(days.from, -direction), now);
  const length = daysBetween(days.from, days.to) + 1;
  const from = addDays(days.from, direction * length);
  const to = addDays(days.to, direction * length);
  if (from > now) return null;
  return named({ from, to: to > now ? now : to }, now);
}

function wholeMonth(first: string, now: string): Period | null {
  if (first > now) return null;
  const last = addDays(startOfMonth(first, -1), -1);
  return named({ from: first, to: last > now ? now : last }, now);
}

function wholeMonthOf(days: Days): boolean {
  return days.from.endsWith("-01") && addDays(startOfMonth(days.from, -1), -1) === days.to;
}

/** A range that has a name of its own gets it back, so that "today" stays today after midnight. */
export function named(days: Days, now: string): Period {
  for (const name of ["day", "yesterday", "7d", "30d", "month", "lastmonth"] as const) {
    const other = daysOf({ name }, now);
    if (other && other.from === days.from && other.to === days.to) return { name };
  }
  return { name: "custom", ...days };
}

export function previousOf(days: Days): Days {
  const length = daysBetween(days.from, days.to) + 1;
  return { from: addDays(days.from, -length), to: addDays(days.from, -1) };
}
