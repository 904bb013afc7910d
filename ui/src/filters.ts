// Filters: what a click on a row adds, how it is written in the address, and what the API is asked.

import { countryName } from "./countries";

export const OPERATIONS = {
  is: "is",
  is_not: "is not",
  contains: "contains",
  contains_not: "does not contain",
};
export type Operation = keyof typeof OPERATIONS;
export type Filter = { op: Operation; dimension: string; values: string[] };

export const DIMENSIONS: Record<string, string> = {
  "event:page": "Page",
  "visit:entry_page": "Entry page",
  "visit:exit_page": "Exit page",
  "event:hostname": "Host",
  "event:name": "Event",
  "visit:source": "Source",
  "visit:referrer": "Referrer",
  "visit:channel": "Channel",
  "visit:utm_source": "UTM source",
  "visit:utm_medium": "UTM medium",
  "visit:utm_campaign": "UTM campaign",
  "visit:utm_content": "UTM content",
  "visit:utm_term": "UTM term",
  "visit:country": "Country",
  "visit:device": "Device",
  "visit:browser": "Browser",
  "visit:os": "System",
};

export const FILTERS_MAX = 10;

/** "is,visit:source,Google|Bing"; a "|" or "\" inside a value is escaped. */
export function encodeFilter(filter: Filter): string {
  const values = filter.values.map((value) => value.replace(/[\\|]/g, "\\$&")).join("|");
  return `${filter.op},${filter.dimension},${values}`;
}

export function decodeFilter(text: string): Filter | null {
  const match = /^([a-z_]+),([a-z_]+:[^,]+),(.*)$/s.exec(text);
  if (!match) return null;
  const [, op = "", dimension = "", rest = ""] = match;
  if (!(op in OPERATIONS) || !isDimension(dimension)) return null;
  return { op: op as Operation, dimension, values: splitValues(rest) };
}

export function isDimension(name: string): boolean {
  return name in DIMENSIONS || /^event:props:.+/.test(name);
}

function splitValues(text: string): string[] {
  const values = [""];
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "|") values.push("");
    else values[values.length - 1] += char === "\\" ? text.charAt(++at) : char;
  }
  return values;
}

/** One filter per dimension: a click on another value replaces the first, a click on the same takes it away. */
export function toggled(filters: Filter[], dimension: string, value: string): Filter[] {
  const rest = filters.filter((filter) => filter.dimension !== dimension);
  if (isSelected(filters, dimension, value)) return rest;
  return [...rest, { op: "is" as const, dimension, values: [value] }].slice(-FILTERS_MAX);
}

export function isSelected(filters: Filter[], dimension: string, value: string): boolean {
  return filters.some((f) => f.dimension === dimension && f.op === "is" && f.values.includes(value));
}

const OPPOSITE: Record<Operation, Operation> = {
  is: "is_not",
  is_not: "is",
  contains: "contains_not",
  contains_not: "contains",
};

export function inverted(filter: Filter): Filter {
  return { ...filter, op: OPPOSITE[filter.op] };
}

export type QueryFilter = [Operation, string, string[]];

export function queryFilters(filters: Filter[]): QueryFilter[] {
  return filters.map((filter) => [filter.op, filter.dimension, filter.values]);
}

export function dimensionName(dimension: string): string {
  return DIMENSIONS[dimension] ?? dimension.replace(/^event:props:/, "");
}

/** What a row is called; an empty value is something that was not said. */
export function valueText(dimension: string, value: string): string {
  if (dimension === "visit:country") return countryName(value);
  if (value !== "") return value;
  if (dimension === "visit:source") return "Direct / None";
  if (dimension.startsWith("visit:utm_")) return "(not set)";
  return dimension === "visit:entry_page" || dimension === "visit:exit_page" ? "(no page view)" : "(unknown)";
}

export function filterText(filter: Filter): string {
  return filter.values.map((value) => valueText(filter.dimension, value)).join(" or ");
}
