import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyShelf, eventsIn, Page, type PageOptions, pass, startClock, stopClock } from "./browser";

beforeEach(stopClock);
afterEach(startClock);

const ignore = (value: string) => Object.assign(emptyShelf(), { weir_ignore: value });
const DNT = { doNotTrack: "1" };
const GPC = { globalPrivacyControl: true };

const cases: [string, PageOptions, boolean][] = [
  ["no signal", {}, true],
  ["Do Not Track", { navigator: DNT }, false],
  ["Do Not Track off", { navigator: { doNotTrack: "0" } }, true],
  ["Do Not Track, which the site does not heed", { navigator: DNT, tag: { "data-dnt": "false" } }, true],
  ["Global Privacy Control", { navigator: GPC }, true],
  ["Global Privacy Control, which the site heeds", { navigator: GPC, tag: { "data-gpc": "true" } }, false],
  ["the opt-out flag", { local: ignore("true") }, false],
  ["the opt-out flag as 1", { local: ignore("1") }, false],
  ["the opt-out flag taken back", { local: ignore("false") }, true],
  [
    "the opt-out flag, whatever the site says",
    { local: ignore("true"), tag: { "data-dnt": "false" } },
    false,
  ],
  ["the opt-out flag with storage none", { local: ignore("true"), tag: { "data-storage": "none" } }, false],
];

test.each(cases)("%s", async (_name, options, counted) => {
  const page = new Page(options);
  page.push("/a");
  page.weir.track("e");
  await pass(5000);
  page.leave();
  expect(page.server.requests.length > 0).toBe(counted);
});

test("the flag holds from the moment it is set", async () => {
  const local = emptyShelf();
  const page = new Page({ local });
  await pass(200);
  local.weir_ignore = "true";
  page.push("/a");
  page.weir.track("e");
  await pass(5000);
  expect(page.events).toHaveLength(1);
});

test("whoever opts out takes along what was stored of them", async () => {
  const local = emptyShelf();
  const page = new Page({ local });
  page.goOffline();
  await pass(200);
  expect(eventsIn(local)).toHaveLength(1);
  local.weir_ignore = "true";
  const next = new Page({ local });
  await pass(5000);
  expect(next.server.requests).toHaveLength(0);
  expect(eventsIn(local)).toHaveLength(0);
});
