import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Page, pass, START, startClock, stopClock } from "./browser";

beforeEach(stopClock);
afterEach(startClock);

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function idsOf(page: Page) {
  page.weir.flush();
  await pass(200);
  return page.events.map((event) => event.id);
}

test("an id is a UUIDv7 of its millisecond", async () => {
  const [id] = await idsOf(new Page());
  expect(id).toMatch(UUID_V7);
  expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(START);
});

test("ids count up within a millisecond, also in their last 24 bits", async () => {
  const page = new Page();
  for (let n = 0; n < 500; n++) page.weir.track("e");
  const ids = await idsOf(page);
  expect(ids).toHaveLength(501);
  expect(ids).toEqual([...new Set(ids)].sort());
  const ties = ids.map((id) => Number.parseInt(id.slice(-6), 16));
  expect(ties.every((tie, i) => i === 0 || tie === ties[i - 1] + 1)).toBe(true);
});

test("ids count up when the clock goes back, and the timestamp tells the clock", async () => {
  const page = new Page();
  vi.setSystemTime(START - 60_000);
  page.weir.track("e");
  vi.setSystemTime(START + 1);
  page.weir.track("e");
  const ids = await idsOf(page);
  expect(ids).toEqual([...ids].sort());
  expect(page.events.map((event) => event.timestamp)).toEqual([START, START - 60_000, START + 1]);
});

test("the counter starts low enough never to run over", async () => {
  vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
    (array as Uint32Array).fill(0xffffffff);
    return array;
  });
  const [id] = await idsOf(new Page());
  expect(id).toMatch(UUID_V7);
  expect(Number.parseInt(id.slice(-6), 16)).toBe(0x7fffff);
});

test("two pages of one millisecond make different ids", async () => {
  const [a] = await idsOf(new Page());
  vi.setSystemTime(START);
  const [b] = await idsOf(new Page());
  expect(a).not.toBe(b);
});
