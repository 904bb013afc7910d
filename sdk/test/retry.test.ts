import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ACCEPTED, emptyShelf, eventsIn, Page, pass, type Reply, startClock, stopClock } from "./browser";

beforeEach(stopClock);
afterEach(startClock);

/** A page whose first batch leaves at `0`, answered as the script says. */
async function pageAnswered(...script: Reply[]) {
  const local = emptyShelf();
  const page = new Page({ local });
  page.server.script = script;
  const began = performance.now();
  page.weir.flush();
  await pass(0);
  return { page, local, tries: () => page.server.requests.map((request) => request.at - began) };
}

const answer = (status: number, more: object = {}): Reply => ({ status, ...more });

describe("an answer that says nothing about the events is retried after 1, 2 and 4 s", () => {
  const transient: [string, Reply][] = [
    ["network error", "error"],
    ...[500, 502, 503, 504, 599, 429, 408, 425].map((status): [string, Reply] => [
      `${status}`,
      answer(status),
    ]),
    ["a page of a captive portal", { status: 200, body: "<html>" }],
  ];
  test.each(transient)("%s", async (_name, reply) => {
    const { page, local, tries } = await pageAnswered(reply, reply, reply, ACCEPTED);
    await pass(20_000);
    expect(tries()).toEqual([0, 1000, 3000, 7000]);
    expect(new Set(page.events.map((event) => event.id)).size).toBe(1);
    expect(eventsIn(local)).toHaveLength(0);
    expect(page.warnings).toHaveLength(0);
  });
});

test("the waits are spread by a quarter either way", async () => {
  for (const [random, first] of [
    [0, 750],
    [0.999, 1250],
  ]) {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const { tries } = await pageAnswered("error");
    await pass(first - 2);
    expect(tries()).toHaveLength(1);
    await pass(3);
    expect(tries()).toHaveLength(2);
  }
});

test("each try carries the clock of its own moment", async () => {
  const { page } = await pageAnswered("error");
  await pass(1000);
  const [first, second] = page.server.requests.map((request) => request.body.sentAt);
  expect(second - first).toBe(1000);
});

test("after the third retry the events are stored, and the request is not made a fifth time", async () => {
  const { page, local, tries } = await pageAnswered("error", "error", "error", "error");
  await pass(6999);
  expect(eventsIn(local)).toHaveLength(0);
  await pass(1);
  expect(eventsIn(local)).toEqual([`weir:${page.events[0].id}`]);
  await pass(50_000);
  expect(tries()).toHaveLength(4);
});

test("while the page stays open, stored events are tried again a minute later", async () => {
  const { page, local } = await pageAnswered("error", "error", "error", "error");
  await pass(7000);
  await pass(60_000);
  expect(page.server.requests).toHaveLength(5);
  expect(eventsIn(local)).toHaveLength(0);
});

test("a server that never answers is a network error after 15 s", async () => {
  const { tries } = await pageAnswered("silence");
  await pass(16_000);
  expect(tries()).toEqual([0, 16_000]);
});

describe("Retry-After", () => {
  const asked: [string, Reply][] = [
    ["503, header", answer(503, { headers: { "Retry-After": "5" } })],
    ["429, header", answer(429, { headers: { "Retry-After": "5" } })],
    ["503, body, where the header cannot be read", answer(503, { body: { retryAfter: 5 } })],
    ["429, body", answer(429, { body: { retryAfter: 5 } })],
    ["both", answer(503, { headers: { "Retry-After": "5" }, body: { retryAfter: 9 } })],
    [
      "a header that is a date, and a body",
      answer(503, { headers: { "Retry-After": "Fri, 31 Dec 1999" }, body: { retryAfter: 5 } }),
    ],
  ];
  test.each(asked)("%s", async (_name, reply) => {
    const { tries } = await pageAnswered(reply);
    await pass(4999);
    expect(tries()).toHaveLength(1);
    await pass(1001);
    // 5 s, and half of the second over which visitors are spread.
    expect(tries()).toEqual([0, 5500]);
  });

  test("shorter than our own wait: ours counts", async () => {
    const { tries } = await pageAnswered("error", answer(503, { body: { retryAfter: 1 } }));
    await pass(4000);
    expect(tries()).toEqual([0, 1000, 3000]);
  });

  test("it holds back later batches and other retries too", async () => {
    const { page, tries } = await pageAnswered("error", answer(503, { body: { retryAfter: 30 } }));
    page.push("/second");
    await pass(900);
    expect(tries()).toEqual([0, 200]);
    page.push("/third");
    page.weir.flush();
    await pass(29_000);
    expect(tries()).toEqual([0, 200]);
    await pass(2000);
    expect(page.server.names()).toEqual(expect.arrayContaining(["/", "/second", "/third"]));
  });

  test.each([
    ["no number", "soon"],
    ["negative", -5],
    ["null", null],
  ])("%s: as if it was not there", async (_name, retryAfter) => {
    const { tries } = await pageAnswered(answer(503, { body: { retryAfter } }));
    await pass(1000);
    expect(tries()).toEqual([0, 1000]);
  });

  test("an hour is the longest that it may ask for", async () => {
    const { tries } = await pageAnswered(answer(503, { body: { retryAfter: 1e9 } }));
    await pass(3_599_000);
    expect(tries()).toHaveLength(1);
    await pass(2000);
    expect(tries()).toHaveLength(2);
  });
});

describe("a refusal of the events is final", () => {
  test.each([400, 401, 403, 404, 410, 422])("%i: dropped, with one warning", async (status) => {
    const { page, local, tries } = await pageAnswered(
      answer(status, { body: { error: "Website not found" } }),
    );
    page.server.reply = answer(status, { body: { error: "Website not found" } });
    await pass(300_000);
    page.push("/again");
    await pass(300_000);
    expect(tries()).toHaveLength(2);
    expect(eventsIn(local)).toHaveLength(0);
    expect(page.warnings).toEqual([["weir:", status, "Website not found"]]);
  });

  test("its body may be anything", async () => {
    for (const body of ["<html>", "null", "[]", '"text"', ""]) {
      const { page } = await pageAnswered({ status: 400, body });
      await pass(10_000);
      expect(page.server.requests).toHaveLength(1);
    }
  });
});

test("a partial acceptance is done: the dropped ones are not sent again, and said once", async () => {
  const dropped = [{ index: 1, reason: "invalid_name" }];
  const { page, local } = await pageAnswered(answer(202, { body: { accepted: 1, dropped } }));
  await pass(300_000);
  expect(page.server.requests).toHaveLength(1);
  expect(eventsIn(local)).toHaveLength(0);
  expect(page.warnings).toEqual([["weir:", 202, "invalid_name"]]);
});

test("an acceptance makes no noise", async () => {
  const { page } = await pageAnswered(ACCEPTED);
  await pass(1000);
  expect(page.warnings).toHaveLength(0);
});

test("413 splits the batch until it fits, and drops what alone is too large", async () => {
  const { page, local } = await pageAnswered(ACCEPTED);
  const take = page.server.take.bind(page.server);
  page.server.take = (request) => {
    take(request);
    return request.text.includes("huge") ? { status: 413, body: { error: "too large" } } : ACCEPTED;
  };
  for (const name of ["a", "b", "huge", "c", "d"]) page.weir.track(name);
  await pass(200);
  const answered = page.server.requests.slice(1).map((r) => r.body.events.map((event) => event.name));
  expect(answered).toEqual([
    ["a", "b", "huge", "c", "d"],
    ["a", "b"],
    ["huge", "c", "d"],
    ["huge"],
    ["c", "d"],
  ]);
  expect(eventsIn(local)).toHaveLength(0);
  expect(page.warnings).toHaveLength(1);
});
