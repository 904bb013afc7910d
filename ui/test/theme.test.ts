import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync(new URL("../src/style.css", import.meta.url), "utf8");

function colours(selector: string): Record<string, string> {
  const start = css.indexOf(`${selector} {`);
  const block = css.slice(start, css.indexOf("}", start));
  return Object.fromEntries([...block.matchAll(/--([a-z]+): (#[0-9a-f]{6});/g)].map((m) => [m[1], m[2]]));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const TEXTS = ["ink", "soft", "accent", "good", "bad", "warn"];
const GROUNDS = ["canvas", "surface", "raised", "tint"];
const ON_BARS = ["ink", "soft"];

describe.each([
  ["light", ":root"],
  ["dark", ':root[data-theme="dark"]'],
])("the %s theme", (_, selector) => {
  const theme = colours(selector);
  const at = (name: string) => theme[name] ?? "missing";

  test("every text can be read on every ground (WCAG AA)", () => {
    for (const text of TEXTS) {
      for (const ground of GROUNDS) {
        expect(contrast(at(text), at(ground)), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
    for (const text of ON_BARS)
      expect(contrast(at(text), at("bar")), `${text} on bar`).toBeGreaterThanOrEqual(4.5);
    expect(contrast(at("onaccent"), at("accent"))).toBeGreaterThanOrEqual(4.5);
  });

  test("borders of controls and the line of the previous period can be told from their ground", () => {
    for (const name of ["edge", "accent", "live"]) {
      expect(contrast(at(name), at("surface")), name).toBeGreaterThanOrEqual(3);
    }
  });
});

test("both ways into the dark theme give the same colours", () => {
  expect(colours(':root:not([data-theme="light"])')).toEqual(colours(':root[data-theme="dark"]'));
});
