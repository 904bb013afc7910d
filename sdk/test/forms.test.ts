import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bundle, FORMS } from "../bundle.mjs";

describe.each(Object.entries(FORMS))("dist/%s", (file, { gzipBytesMax }) => {
  const committed = readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8");

  test("is what the source makes", async () => {
    expect(committed).toBe(await bundle(file as keyof typeof FORMS));
  });

  test("is within its budget", () => {
    expect(gzipSync(committed, { level: 9 }).length).toBeLessThanOrEqual(gzipBytesMax);
  });

  test("holds no syntax newer than ES2018", () => {
    expect(committed).not.toMatch(/\?\.[a-z([]|\?\?|catch\s*\{|#[a-z]+\s*=/);
  });
});

test.each(["weir.mjs", "core.mjs"])(
  "%s can be loaded where there is no page, and does nothing there",
  async (file) => {
    const { init, weir } = await import(`../dist/${file}`);
    expect(init({ endpoint: "https://stats.example/x/api/v1/events" })).toBe(weir);
    weir.track("e");
    weir.page();
    weir.flush();
  },
);
