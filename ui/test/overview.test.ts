import { describe, expect, test } from "vitest";
import { aligned, currentBucket, ofVisits, untilNow } from "../src/dashboard/overview";
import { labelPlaces, stepsOf } from "../src/dashboard/steps";
import type { Interval } from "../src/period";
import { sparkPath } from "../src/screens/sparkline";

test("no visits have no rate and no average, and some visits have theirs", () => {
  const rates = { views_per_visit: 0, bounce_rate: 0, visit_duration: 0 };
  const none = { views_per_visit: null, bounce_rate: null, visit_duration: null };
  expect(ofVisits({ visitors: 0, visits: 0, ...rates })).toEqual({ visitors: 0, visits: 0, ...none });
  expect(ofVisits({ visits: 2, ...rates })).toEqual({ visits: 2, ...rates });
});

describe("a series", () => {
  test("has one value per label, and zero where nothing happened", () => {
    const rows = [
      { dimensions: ["2026-11-03"], metrics: [7] },
      { dimensions: ["2026-11-01"], metrics: [5] },
    ];
    const series = aligned(["2026-11-01", "2026-11-02", "2026-11-03"], rows, ["visitors"]);
    expect(series.values.visitors).toEqual([5, 0, 7]);
  });

  test("keeps both of the hours that a clock change repeats", () => {
    const hour = "2026-11-01 01:00:00";
    const rows = [
      { dimensions: [hour], metrics: [1] },
      { dimensions: [hour], metrics: [2] },
    ];
    expect(aligned([hour, hour], rows, ["visitors"]).values.visitors).toEqual([1, 2]);
  });

  test("without labels goes by its rows in order of time", () => {
    const rows = [
      { dimensions: ["2026-11-02"], metrics: [2] },
      { dimensions: ["2026-11-01"], metrics: [1] },
    ];
    expect(aligned(undefined, rows, ["visitors"])).toEqual({
      labels: ["2026-11-01", "2026-11-02"],
      values: { visitors: [1, 2] },
    });
  });

  test("a rate that has no value is a gap", () => {
    const rows = [{ dimensions: ["2026-11-01"], metrics: [null] }];
    expect(aligned(["2026-11-01"], rows, ["visit_duration"]).values.visit_duration).toEqual([null]);
  });

  test("ends where the present is", () => {
    const hours = ["2026-11-22 13:00:00", "2026-11-22 14:00:00", "2026-11-22 15:00:00"];
    expect(untilNow(hours, [1, 2, 0], "2026-11-22 14:30:00")).toEqual([1, 2, null]);
    expect(untilNow(["2026-11-22", "2026-11-23"], [4, 0], "2026-11-22 14:30:00")).toEqual([4, null]);
  });
});

test.each<[string[], Interval, number]>([
  [["2026-11-22 13:00:00", "2026-11-22 14:00:00", "2026-11-22 15:00:00"], "hour", 1],
  [["2026-11-21 14:00:00"], "hour", -1],
  [["2026-11-20", "2026-11-21", "2026-11-22"], "day", 2],
  [["2026-11-20", "2026-11-21"], "day", -1],
  [["2026-11-09", "2026-11-16"], "week", 1],
  [["2026-11-02", "2026-11-09"], "week", -1],
  [["2026-10-01", "2026-11-01"], "month", 1],
  [["2026-09-01", "2026-10-01"], "month", -1],
  [["2026-11-23"], "day", -1],
  [[], "day", -1],
])("of %j by %s, bucket %d is still filling", (labels, interval, expected) => {
  expect(currentBucket(labels, interval, "2026-11-22 14:30:00")).toBe(expected);
});

describe("the axis", () => {
  test("covers the highest value in at most five steps", () => {
    for (const max of [0, 1, 3, 7, 10, 99, 100, 101, 12_345, 9_999_999]) {
      const steps = stepsOf(max, "visitors");
      expect(steps.at(-1), `${max}`).toBeGreaterThanOrEqual(max);
      expect(steps.length).toBeLessThanOrEqual(6);
      expect(steps.length).toBeGreaterThanOrEqual(2);
      expect(steps.every((step) => Number.isInteger(step))).toBe(true);
    }
  });

  test("steps through durations by what clocks show", () => {
    expect(stepsOf(100, "visit_duration")).toEqual([0, 30, 60, 90, 120]);
  });

  test("never crowds its labels", () => {
    for (const count of [1, 2, 24, 31, 91, 168]) {
      for (const width of [200, 700, 1200]) {
        const places = labelPlaces(count, width);
        expect(places[0]).toBe(0);
        expect(places.length * 70).toBeLessThanOrEqual(Math.max(width, 200));
      }
    }
  });
});

test("a sparkline of nothing is a flat line", () => {
  expect(sparkPath([])).toBe("M0 78");
  expect(sparkPath([0, 0])).toBe("M0 78L300 78");
});
