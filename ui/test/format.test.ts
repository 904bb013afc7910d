import { describe, expect, test } from "vitest";
import { countryName, flag } from "../src/countries";
import {
  agoText,
  bucketLong,
  change,
  clockText,
  compact,
  daysText,
  duration,
  type Metric,
  metricFull,
  metricText,
  share,
} from "../src/format";

test.each([
  [0, "0"],
  [999, "999"],
  [9999, "9,999"],
  [10_000, /^10K$/i],
  [12_345, /^12\.3K$/i],
  [4_560_000, /^4\.6M$/i],
])("%d is shown as %s", (value, expected) => {
  if (typeof expected === "string") expect(compact(value)).toBe(expected);
  else expect(compact(value)).toMatch(expected);
});

test.each([
  [0, "0s"],
  [59.4, "59s"],
  [59.6, "1m 00s"],
  [80, "1m 20s"],
  [3599, "59m 59s"],
  [3600, "1h 00m"],
  [-1, "0s"],
])("%d seconds are %s", (seconds, expected) => {
  expect(duration(seconds)).toBe(expected);
});

test.each<[Metric, number | null, string, string]>([
  ["visitors", 12_345, "12.3", "12,345"],
  ["bounce_rate", 48.25, "48.3%", "48.3%"],
  ["visit_duration", 80, "1m 20s", "80 seconds"],
  ["views_per_visit", 2.456, "2.46", "2.46"],
  ["bounce_rate", null, "–", "no value"],
])("%s of %s", (metric, value, text, full) => {
  expect(metricText(metric, value)).toContain(text);
  expect(metricFull(metric, value)).toBe(full);
});

test.each([
  [1, 3, "33%"],
  [5, 100, "5%"],
  [53, 1000, "5.3%"],
  [1, 10_000, "<0.1%"],
  [0, 10, "0%"],
  [1, 0, "–"],
])("%d of %d is %s", (part, total, expected) => {
  expect(share(part, total)).toBe(expected);
});

describe("a change against the previous period", () => {
  test.each<[Metric, number, string, string, string]>([
    ["visitors", 12.4, "12%", "up", "good"],
    ["visitors", -3.24, "3.2%", "down", "bad"],
    ["bounce_rate", 5, "5%", "up", "bad"],
    ["bounce_rate", -5, "5%", "down", "good"],
    ["visit_duration", 0.04, "0%", "flat", "neutral"],
    ["pageviews", 12_000, ">999%", "up", "good"],
  ])("%s by %d", (metric, percent, text, direction, tone) => {
    expect(change(metric, percent)).toMatchObject({ text, direction, tone });
  });

  test("nothing to compare with is no change, not zero", () => {
    expect(change("visitors", null)).toBeNull();
    expect(change("visitors", undefined)).toBeNull();
  });
});

test("dates say the year only where it is not this one", () => {
  expect(daysText("2026-11-01", "2026-11-22", "2026-11-22")).not.toContain("2026");
  expect(daysText("2025-11-01", "2025-11-22", "2026-11-22")).toContain("2025");
});

test("a label that is no date is shown as nothing", () => {
  expect(bucketLong("", "day")).toBe("");
  expect(bucketLong("soon", "hour")).toBe("");
});

test("a week is named by its first day", () => {
  expect(bucketLong("2026-11-16", "week")).toMatch(/^Week of .*16/);
});

test.each([
  [10, "just now"],
  [240, "4 minutes ago"],
  [7200, "2 hours ago"],
  [90_000, "yesterday"],
])("%d seconds ago is %s", (seconds, expected) => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  expect(agoText(new Date(now - seconds * 1000).toISOString(), now)).toBe(expected);
});

test("countries have their names and flags, and what is no code is left alone", () => {
  expect(countryName("DE")).toBe("Germany");
  expect(countryName("")).toBe("(unknown)");
  expect(countryName("(other)")).toBe("(other)");
  expect(flag("DE")).toBe("🇩🇪");
  expect(flag("")).toBe("🏳");
});

test.each([
  ["Europe/Berlin", /^10:40/],
  ["Asia/Tokyo", /^(18|06):40/],
])("a time of day is the site's, in %s", (zone, expected) => {
  expect(clockText("2026-11-23T09:40:00Z", zone)).toMatch(expected);
});
