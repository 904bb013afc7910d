import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emptyShelf, Page, type PageOptions, pass, startClock, stopClock } from "../browser";

beforeEach(stopClock);
afterEach(startClock);

const ON = "weir: debug on";
const VIEW = "weir: pageview https://shop.example/ \u2192";
const WAITING = { verdict: "waiting", words: "Accepted" };
const STORED = { verdict: "stored", words: "Counted" };

/** A page that is looked into from its beginning, as after a navigation. */
function looked(options: PageOptions = {}) {
  return new Page({ session: Object.assign(emptyShelf(), { "weir-debug": "1" }), ...options });
}

test("nothing is told, marked or asked unless somebody wants it", async () => {
  const page = new Page({ navigator: { doNotTrack: "0" } });
  page.weir.track("a");
  await pass(30_000);
  expect([page.lines, page.server.questions]).toEqual([[], 0]);
  expect(page.server.requests[0].text).not.toContain("debug");
});

test("each event is told what became of it, until that is known", async () => {
  const page = new Page();
  page.weir.debug();
  page.server.verdicts = [() => WAITING, () => WAITING, () => STORED];
  await pass(30_000);
  expect(page.server.requests[0].body).toMatchObject({ debug: true });
  expect(page.lines).toEqual([ON, `${VIEW} Accepted`, `${VIEW} Counted`]);
  expect(page.server.questions).toBe(3);
});

test("it holds for the tab, and ends when it is told to", async () => {
  const session = emptyShelf();
  new Page({ session }).weir.debug();
  const next = new Page({ session });
  next.server.verdicts = [() => STORED];
  await pass(5000);
  expect(next.lines).toEqual([`${VIEW} Counted`]);
  next.weir.debug(false);
  next.push("/b");
  await pass(5000);
  expect(next.lines.slice(1)).toEqual(["weir: debug off"]);
  expect(session).toEqual({});
});

test("a tab without storage is looked into until its page is left", async () => {
  const blocked = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  const page = new Page({ session: blocked, local: blocked });
  page.weir.debug();
  page.server.verdicts = [() => STORED];
  await pass(5000);
  expect(page.lines).toEqual([ON, `${VIEW} Counted`]);
});

test("a call before the script is there counts as well", async () => {
  const page = new Page({ early: { q: [["debug"]] } });
  page.server.verdicts = [() => STORED];
  await pass(5000);
  expect(page.lines).toEqual([ON, `${VIEW} Counted`]);
});

const held: [string, PageOptions, string][] = [
  ["Do Not Track", { navigator: { doNotTrack: "1" } }, "not sent: Do Not Track is on"],
  [
    "Global Privacy Control",
    { navigator: { globalPrivacyControl: true }, tag: { "data-gpc": "" } },
    "not sent: Global Privacy Control is on",
  ],
  ["an opt-out", { local: Object.assign(emptyShelf(), { weir_ignore: "true" }) }, "not sent: opt-out"],
  ["a consent that is missing", { tag: { "data-consent": "" } }, "not sent: waits for weir.optIn()"],
  [
    "a hook",
    { early: { config: { beforeSend: () => false } } },
    "not sent: before-send dropped it, or it has no JSON",
  ],
  [
    "a hook that throws",
    { before: "bad = () => { throw 1; }", tag: { "data-before-send": "bad" } },
    "not sent: before-send dropped it, or it has no JSON",
  ],
];

test.each(held)("what is held back by %s is told", async (_name, options, words) => {
  const page = looked(options);
  await pass(5000);
  page.weir.track("signup");
  await pass(5000);
  expect(page.lines).toEqual([`${VIEW} ${words}`, `weir: signup https://shop.example/ \u2192 ${words}`]);
  expect(page.server.requests).toEqual([]);
});

test("an event that cannot be sent is told of", async () => {
  const page = looked({ tag: { "data-auto": "false" } });
  page.run("const a = {}; a.a = a; weir.track('cycle', a); weir.track('big', { n: 1n })");
  await pass(5000);
  const words = "\u2192 not sent: before-send dropped it, or it has no JSON";
  expect(page.lines).toEqual(["cycle", "big"].map((name) => `weir: ${name} https://shop.example/ ${words}`));
  expect(page.server.requests).toEqual([]);
});

describe("an answer", () => {
  test("that refuses single events tells each why", async () => {
    const page = looked();
    page.weir.track("", {});
    page.server.reply = {
      status: 202,
      body: { accepted: 1, dropped: [{ index: 1, reason: "invalid_name" }] },
    };
    const view = () => page.events[0].id;
    page.server.verdicts = [
      (id) => (id === view() ? STORED : { verdict: "invalid_name", words: "Refused: its name is empty" }),
    ];
    await pass(30_000);
    expect(page.lines).toEqual([
      `${VIEW} Counted`,
      "weir: event https://shop.example/ \u2192 Refused: its name is empty",
    ]);
    expect(page.server.questions).toBe(1);
  });

  test("that refuses all, or takes none for now, is told as it came", async () => {
    const page = looked();
    page.server.script = [{ status: 429, body: { error: "Too many events from this address" } }];
    page.server.verdicts = [() => STORED];
    await pass(30_000);
    expect(page.lines).toEqual([`${VIEW} 429 Too many events from this address`, `${VIEW} Counted`]);
    const other = looked();
    other.server.reply = { status: 413, body: { error: "Too large" } };
    await pass(30_000);
    expect(other.lines).toEqual([`${VIEW} 413 Too large`]);
  });

  test("that does not come is told, too", async () => {
    const page = looked();
    page.server.reply = "error";
    await pass(60_000);
    expect(page.lines[0]).toBe(`${VIEW} no answer: sent again later`);
  });

  test("of a server that can not be asked is told as far as it is known", async () => {
    const page = looked();
    await pass(30_000);
    expect(page.lines).toEqual([`${VIEW} 202 accepted`]);
  });
});

test("a page that has taken the console away goes on as before", async () => {
  const page = looked({ before: "console = undefined" });
  page.weir.debug();
  page.server.verdicts = [() => STORED];
  await pass(5000);
  expect(page.server.names()).toEqual(["/"]);
});
