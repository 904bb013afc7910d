import { describe, expect, test } from "vitest";
import {
  addDays,
  type DateRange,
  dateRangeOf,
  daysBetween,
  daysOf,
  intervalsOf,
  isDate,
  localTime,
  named,
  type Period,
  previousOf,
  shifted,
  today,
} from "../src/period";

const NOW = "2026-03-02";

describe("periods", () => {
  test.each<[Period, DateRange]>([
    [{ name: "day" }, "day"],
    [{ name: "yesterday" }, ["2026-03-01", "2026-03-01"]],
    [{ name: "24h" }, "24h"],
    [{ name: "7d" }, ["2026-02-24", "2026-03-02"]],
    [{ name: "30d" }, ["2026-02-01", "2026-03-02"]],
    [{ name: "month" }, ["2026-03-01", "2026-03-02"]],
    [{ name: "lastmonth" }, ["2026-02-01", "2026-02-28"]],
    [{ name: "6mo" }, ["2025-10-01", "2026-03-02"]],
    [{ name: "12mo" }, ["2025-04-01", "2026-03-02"]],
    [{ name: "year" }, ["2026-01-01", "2026-03-02"]],
    [{ name: "all" }, "all"],
    [{ name: "custom", from: "2025-12-30", to: "2026-01-02" }, ["2025-12-30", "2026-01-02"]],
  ])("%j asks for %j", (period, range) => {
    expect(dateRangeOf(period, NOW)).toEqual(range);
  });

  test("a leap day is counted", () => {
    expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
    expect(daysBetween("2028-02-28", "2028-03-01")).toBe(2);
    expect(daysOf({ name: "lastmonth" }, "2028-03-31")).toEqual({ from: "2028-02-01", to: "2028-02-29" });
  });

  test.each([
    ["2026-02-28", true],
    ["2026-02-29", false],
    ["2026-2-1", false],
    ["2026-02-01T00:00", false],
    ["", false],
    [null, false],
  ])("%j is a date: %s", (text, expected) => {
    expect(isDate(text)).toBe(expected);
  });
});

describe("steps through time", () => {
  test.each<[Period, -1 | 1, Period | null]>([
    [{ name: "day" }, -1, { name: "yesterday" }],
    [{ name: "yesterday" }, 1, { name: "day" }],
    [{ name: "day" }, 1, null],
    [{ name: "7d" }, -1, { name: "custom", from: "2026-02-17", to: "2026-02-23" }],
    [{ name: "month" }, -1, { name: "lastmonth" }],
    [{ name: "lastmonth" }, -1, { name: "custom", from: "2026-01-01", to: "2026-01-31" }],
    [
      { name: "custom", from: "2026-01-01", to: "2026-01-31" },
      -1,
      { name: "custom", from: "2025-12-01", to: "2025-12-31" },
    ],
    [{ name: "custom", from: "2026-01-01", to: "2026-01-31" }, 1, { name: "lastmonth" }],
    [{ name: "lastmonth" }, 1, { name: "month" }],
    [{ name: "custom", from: "2026-02-17", to: "2026-02-23" }, 1, { name: "7d" }],
    [{ name: "all" }, -1, null],
    [{ name: "24h" }, 1, null],
  ])("%j by %d is %j", (period, direction, expected) => {
    expect(shifted(period, NOW, direction)).toEqual(expected);
  });

  test("there and back again is the same range, for any length and day", () => {
    for (let start = 0; start < 400; start += 13) {
      for (const length of [1, 2, 6, 7, 30, 31, 90]) {
        const to = addDays("2026-03-01", -start);
        const period: Period = { name: "custom", from: addDays(to, 1 - length), to };
        const back = shifted(period, NOW, -1);
        const again = back && shifted(back, NOW, 1);
        expect(again && daysOf(again, NOW)).toEqual({ from: period.from, to: period.to });
      }
    }
  });

  test("a range with a name of its own gets it back", () => {
    expect(named({ from: "2026-03-02", to: "2026-03-02" }, NOW)).toEqual({ name: "day" });
    expect(named({ from: "2026-03-01", to: "2026-03-02" }, NOW)).toEqual({ name: "month" });
  });

  test("the previous range ends the day before and is as long", () => {
    expect(previousOf({ from: "2026-03-01", to: "2026-03-31" })).toEqual({
      from: "2026-01-29",
      to: "2026-02-28",
    });
  });
});

describe("the site's own clock", () => {
  const instant = new Date("2026-03-01T23:30:00Z");
  test.each([
    ["Europe/Berlin", "2026-03-02", "2026-03-02 00:30:00"],
    ["Asia/Kathmandu", "2026-03-02", "2026-03-02 05:15:00"],
    ["America/New_York", "2026-03-01", "2026-03-01 18:30:00"],
    ["No/Such_Zone", "2026-03-01", "2026-03-01 23:30:00"],
  ])("in %s it is %s", (zone, day, time) => {
    expect(today(zone, instant)).toBe(day);
    expect(localTime(zone, instant)).toBe(time);
  });
});

test("intervals give neither a dot nor a thicket", () => {
  const points = { hour: 24, day: 1, week: 1 / 7, month: 1 / 30 };
  for (const days of [1, 2, 7, 8, 31, 32, 91, 100, 180, 365, 3000]) {
    const best = intervalsOf(days)[0] ?? "day";
    expect(days * points[best], `${days} days by ${best}`).toBeGreaterThanOrEqual(days === 1 ? 24 : 2);
    expect(days * points[best]).toBeLessThanOrEqual(101);
  }
});
