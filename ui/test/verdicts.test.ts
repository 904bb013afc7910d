import { describe, expect, test } from "vitest";
import { heldBack, SEEN_MAX, type Seen, titleOf, toneOf, withMessage } from "../src/verdicts";

const event = (n: number): Seen => ({
  n,
  at: "2026-06-01T12:00:00.000Z",
  kind: "event",
  name: "signup",
  url: "https://example.com/a",
  verdict: "waiting",
  words: "Accepted",
});

describe("what is said of this browser's events", () => {
  test("news changes its event and nothing else", () => {
    let seen = withMessage(withMessage([], event(1)), event(2));
    seen = withMessage(seen, { n: 1, verdict: "stored", words: "Counted" });
    expect(seen.map((one) => [one.n, one.verdict, one.name])).toEqual([
      [1, "stored", "signup"],
      [2, "waiting", "signup"],
    ]);
  });

  test("news of an event that nobody saw come is left out", () => {
    expect(withMessage([event(1)], { n: 7, verdict: "stored", words: "Counted" })).toEqual([event(1)]);
  });

  test("the oldest goes when there are too many", () => {
    let seen: readonly Seen[] = [];
    for (let n = 0; n <= SEEN_MAX; n++) seen = withMessage(seen, event(n));
    expect([seen.length, seen[0]?.n, seen.at(-1)?.n]).toEqual([SEEN_MAX, 1, SEEN_MAX]);
  });

  test("only what was counted is good, and what comes again is no mistake", () => {
    expect(
      ["stored", "waiting", "duplicate", "overloaded", "bot", "unknown_host", "dead"].map(toneOf),
    ).toEqual(["good", "waiting", "neutral", "neutral", "bad", "bad", "bad"]);
  });

  test("an event has its own name, everything else its kind's", () => {
    expect([
      titleOf(event(1)),
      titleOf({ ...event(1), name: "" }),
      titleOf({ ...event(1), kind: "delivery" }),
    ]).toEqual(["signup", "Event", "A whole delivery"]);
  });

  test("a browser that asks not to be tracked is told what that does", () => {
    expect(heldBack({ doNotTrack: null })).toEqual([]);
    expect(
      heldBack({ doNotTrack: "1", globalPrivacyControl: true }).map((text) => text.split(" is on")[0]),
    ).toEqual(["Do Not Track", "Global Privacy Control"]);
  });
});
