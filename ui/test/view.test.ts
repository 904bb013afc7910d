import { describe, expect, test } from "vitest";
import {
  decodeFilter,
  encodeFilter,
  FILTERS_MAX,
  type Filter,
  filterText,
  inverted,
  isSelected,
  queryFilters,
  toggled,
  valueText,
} from "../src/filters";
import { parseView, type View, viewSearch } from "../src/view";

const google: Filter = { op: "is", dimension: "visit:source", values: ["Google"] };

describe("filters", () => {
  test.each<Filter>([
    google,
    { op: "is_not", dimension: "event:page", values: ["/a,b|c\\d", ""] },
    { op: "contains", dimension: "event:props:plan", values: ["é 🎉 &=?#"] },
    { op: "contains_not", dimension: "visit:utm_term", values: ["|", "\\", "\\|"] },
    { op: "is", dimension: "visit:country", values: [""] },
  ])("%j survives the way through the address", (filter) => {
    expect(decodeFilter(encodeFilter(filter))).toEqual(filter);
    const view = { ...parseView(""), filters: [filter] };
    expect(parseView(viewSearch(view)).filters).toEqual([filter]);
  });

  test.each([
    "",
    "is",
    "is,visit:source",
    "eats,visit:source,Google",
    "is,visit:mood,good",
    "is,event:props:,x",
  ])("%j is no filter", (text) => {
    expect(decodeFilter(text)).toBeNull();
  });

  test("a click adds, another value replaces, the same takes away", () => {
    const one = toggled([], "visit:source", "Google");
    expect(one).toEqual([google]);
    const two = toggled(one, "visit:source", "Bing");
    expect(two).toEqual([{ ...google, values: ["Bing"] }]);
    expect(isSelected(two, "visit:source", "Bing")).toBe(true);
    expect(toggled(two, "visit:source", "Bing")).toEqual([]);
  });

  test("a click on an excluded value includes it", () => {
    expect(toggled([inverted(google)], "visit:source", "Google")).toEqual([google]);
  });

  test("turned round twice is the same", () => {
    expect(inverted(google).op).toBe("is_not");
    expect(inverted(inverted(google))).toEqual(google);
  });

  test("the API gets operation, dimension, clauses", () => {
    expect(queryFilters([google])).toEqual([["is", "visit:source", ["Google"]]]);
  });

  test("values are shown by name", () => {
    expect(filterText({ op: "is", dimension: "visit:country", values: ["DE", "FR"] })).toBe(
      "Germany or France",
    );
    expect(valueText("visit:utm_source", "")).toBe("(not set)");
    expect(valueText("visit:browser", "")).toBe("(unknown)");
  });
});

describe("the address", () => {
  test("a plain view has a plain address", () => {
    expect(viewSearch(parseView(""))).toBe("");
  });

  test.each<Partial<View>>([
    { period: { name: "day" } },
    { period: { name: "custom", from: "2026-01-01", to: "2026-02-01" } },
    { compare: false },
    { metric: "bounce_rate", interval: "week" },
    { filters: [google, { op: "is_not", dimension: "visit:country", values: ["DE"] }] },
  ])("keeps %j", (part) => {
    const view = { ...parseView(""), ...part };
    expect(parseView(viewSearch(view))).toEqual(view);
  });

  test.each([
    "?period=fortnight",
    "?period=custom&from=2026-02-30&to=2026-03-01",
    "?period=custom",
    "?metric=hits&interval=minute",
    "?f=nonsense",
    "?f=%E0%A4%A",
  ])("%s falls back to the default", (search) => {
    expect(parseView(search)).toEqual(parseView(""));
  });

  test("dates the wrong way round are turned", () => {
    expect(parseView("?period=custom&from=2026-02-01&to=2026-01-01").period).toEqual({
      name: "custom",
      from: "2026-01-01",
      to: "2026-02-01",
    });
  });

  test("filters are limited", () => {
    const many = (count: number) =>
      `?${Array.from({ length: count }, (_, i) => `f=is,event:page,/${i}`).join("&")}`;
    expect(parseView(many(FILTERS_MAX)).filters).toHaveLength(FILTERS_MAX);
    expect(parseView(many(FILTERS_MAX + 1)).filters).toHaveLength(FILTERS_MAX);
  });
});
