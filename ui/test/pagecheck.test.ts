import { describe, expect, test } from "vitest";
import { inOrder, type PageFinding, type PageReport, toneOf } from "../src/pagecheck";

const finding = (code: string, level: PageFinding["level"]): PageFinding => ({
  code,
  level,
  text: `${code}.`,
  advice: "Do something.",
});

const report = (verdict: PageReport["verdict"], findings: PageFinding[] = []): PageReport => ({
  url: "https://example.com/",
  verdict,
  text: "So it is.",
  findings,
});

describe("what is said of a site's page", () => {
  test("only a page that is right is good, with a note as well", () => {
    expect(toneOf(report("right"))).toBe("good");
    expect(toneOf(report("right", [finding("own-host", "note")]))).toBe("good");
    for (const verdict of ["wrong", "unseen", "unfetched"] as const)
      expect(toneOf(report(verdict))).toBe("warn");
  });

  test("what is wrong comes before what is worth knowing", () => {
    const found = [
      finding("own-host", "note"),
      finding("held-back", "wrong"),
      finding("mixed-content", "wrong"),
    ];
    expect(inOrder(found).map((one) => one.code)).toEqual(["held-back", "mixed-content", "own-host"]);
    expect(found[0]?.code).toBe("own-host");
  });
});
