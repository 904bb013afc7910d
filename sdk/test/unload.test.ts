import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ACCEPTED,
  emptyShelf,
  eventsIn,
  Page,
  pass,
  type Request,
  Server,
  startClock,
  stopClock,
} from "./browser";

beforeEach(stopClock);
afterEach(startClock);

const MANUAL = { "data-auto": "false" };

describe("when the page is hidden", () => {
  test("what waits leaves by keepalive fetch, at once", () => {
    const page = new Page();
    page.turn("hidden");
    expect(page.server.requests.map((r) => [r.via, r.options.keepalive])).toEqual([["fetch", true]]);
  });

  test("what waits for its retry is copied for the tab, which may be discarded", async () => {
    const session = emptyShelf();
    const page = new Page({ session });
    page.server.script = ["error"];
    page.weir.flush();
    await pass(100);
    page.turn("hidden");
    expect(eventsIn(session)).toHaveLength(1);
    await pass(1000);
    expect(eventsIn(session)).toHaveLength(0);
  });

  test("what happens from then on does not wait: the page may have been left before the script was there", async () => {
    const session = emptyShelf();
    const page = new Page({ session, hidden: true, wasVisible: true });
    page.server.reply = "silence";
    page.weir.track("late");
    await pass(0);
    expect(page.server.requests.map((r) => [r.via, r.options.keepalive])).toEqual([["fetch", true]]);
    expect(page.server.names()).toEqual(["/", "late"]);
    expect(eventsIn(session)).toHaveLength(2);
  });

  test("a view of a page that was left already, and acknowledged, is not sent again", async () => {
    const [session, server] = [emptyShelf(), new Server()];
    new Page({ session, server, hidden: true, wasVisible: true });
    await pass(0);
    expect(eventsIn(session)).toHaveLength(0);
    new Page({ session, server, tag: MANUAL });
    await pass(1000);
    expect(server.requests).toHaveLength(1);
  });

  test("nothing is sent where nothing waits", async () => {
    const page = new Page({ tag: MANUAL });
    page.turn("hidden");
    page.turn("visible");
    page.leave();
    await pass(1000);
    expect(page.server.requests).toHaveLength(0);
  });
});

describe("when the page is left", () => {
  test("what waits leaves as one beacon, and is sent again by the tab's next page under the same ids", async () => {
    const session = emptyShelf();
    const server = new Server();
    const page = new Page({ session, server });
    page.weir.track("bye");
    page.leave();
    expect(server.requests.map((r) => [r.via, r.body.events.length])).toEqual([["beacon", 2]]);
    expect(eventsIn(session)).toHaveLength(2);
    new Page({ session, server, url: "https://shop.example/next" });
    await pass(200);
    expect(server.requests.map((r) => [r.via, r.body.events.length])).toEqual([
      ["beacon", 2],
      ["fetch", 3],
    ]);
    expect(server.requests[1].body.events).toEqual(expect.arrayContaining(server.requests[0].body.events));
    expect(eventsIn(session)).toHaveLength(0);
  });

  test("the copy leaves the tab only once it is acknowledged", async () => {
    const [session, server] = [emptyShelf(), new Server()];
    const page = new Page({ session, server });
    page.leave();
    server.script = ["error"];
    new Page({ session, server, tag: MANUAL });
    await pass(999);
    expect(eventsIn(session)).toHaveLength(1);
    await pass(500);
    expect(eventsIn(session)).toHaveLength(0);
  });

  test("another tab does not send the copy", async () => {
    const [local, server] = [emptyShelf(), new Server()];
    new Page({ local, server }).leave();
    new Page({ local, server, tag: MANUAL });
    await pass(1000);
    expect(server.requests).toHaveLength(1);
  });

  test("a request that the browser finishes by itself is copied, but not sent twice at once", async () => {
    const session = emptyShelf();
    const page = new Page({ session });
    page.server.reply = "silence";
    page.weir.flush();
    page.weir.track("bye");
    page.leave();
    expect(page.server.requests.map((r) => [r.via, r.body.events.length])).toEqual([
      ["fetch", 1],
      ["beacon", 1],
    ]);
    expect(eventsIn(session)).toHaveLength(2);
  });

  test("where fetch knows no keepalive, a request in flight goes as a beacon too", async () => {
    const page = new Page({ keepaliveKnown: false });
    page.server.reply = "silence";
    page.weir.flush();
    page.leave();
    expect(page.server.requests.map((r) => r.via)).toEqual(["fetch", "beacon"]);
    expect(page.events[0].id).toBe(page.events[1].id);
  });

  test("a batch that waits for its retry goes as a beacon too", async () => {
    const page = new Page();
    page.server.script = ["error"];
    page.weir.flush();
    await pass(500);
    page.leave();
    expect(page.server.requests.map((r) => r.via)).toEqual(["fetch", "beacon"]);
  });

  test("what has failed once stays on the device: the tab may be closed, and its beacon lost", async () => {
    const [local, server] = [emptyShelf(), new Server()];
    const page = new Page({ local, server });
    server.script = ["error"];
    page.weir.flush();
    await pass(500);
    page.weir.track("fresh");
    page.leave();
    expect(eventsIn(local)).toEqual([`weir:${server.events[0].id}`]);
    new Page({ local, server, tag: MANUAL });
    await pass(0);
    expect(server.names().at(-1)).toBe("/");
    expect(eventsIn(local)).toHaveLength(0);
  });

  test("a beacon that the browser will not take is halved until it does", () => {
    const tried: number[] = [];
    const sendBeacon = (request: Request) => {
      tried.push(request.body.events.length);
      return request.body.events.length <= 2;
    };
    const page = new Page({ tag: MANUAL, sendBeacon });
    for (let n = 0; n < 7; n++) page.weir.track(`e${n}`);
    page.leave();
    expect(tried).toEqual([7, 3, 1, 2, 4, 2, 2]);
    expect(page.server.names()).toEqual(["e0", "e1", "e2", "e3", "e4", "e5", "e6"]);
  });

  test("an event that no beacon will take stays on the device", () => {
    const local = emptyShelf();
    const page = new Page({ local, sendBeacon: () => false });
    page.leave();
    expect(eventsIn(local)).toHaveLength(1);
  });

  test("a browser without beacons keeps the copy", () => {
    const session = emptyShelf();
    const page = new Page({ session, navigator: { sendBeacon: undefined } });
    page.leave();
    expect(eventsIn(session)).toHaveLength(1);
  });

  test("offline there is no beacon: everything stays on the device, for any page", () => {
    const [local, session] = [emptyShelf(), emptyShelf()];
    const page = new Page({ local, session });
    page.goOffline();
    page.leave();
    expect(page.server.requests).toHaveLength(0);
    expect([eventsIn(local).length, eventsIn(session).length]).toEqual([1, 0]);
  });

  test("what was acknowledged is neither copied nor sent again", async () => {
    const session = emptyShelf();
    const page = new Page({ session });
    await pass(200);
    page.leave();
    expect(page.server.requests).toHaveLength(1);
    expect(eventsIn(session)).toHaveLength(0);
  });
});

describe("a page brought back from the browser's cache", () => {
  test("is a view, also of the same path, and without the old referrer", async () => {
    const page = new Page({ referrer: "https://news.example/" });
    await pass(200);
    page.fire("pagehide", { persisted: true });
    page.turn("hidden");
    page.turn("visible");
    page.fire("pageshow", { persisted: true });
    await pass(200);
    expect(page.events.map((event) => [event.type, event.referrer])).toEqual([
      ["pageview", "https://news.example/"],
      ["pageview", "https://shop.example"],
    ]);
  });

  test("sends what it had copied, if no other page has", async () => {
    const session = emptyShelf();
    const page = new Page({ session });
    page.leave();
    page.turn("visible");
    page.fire("pageshow", { persisted: true });
    await pass(200);
    expect(eventsIn(session)).toHaveLength(0);
    const [left, restored] = page.server.requests.map((r) => r.body.events.map((event) => event.id));
    expect(restored).toEqual([...left, expect.any(String)]);
  });

  test("an ordinary pageshow is none", async () => {
    const page = new Page();
    page.fire("pageshow", { persisted: false });
    await pass(200);
    expect(page.events).toHaveLength(1);
  });
});

describe("engaged time", () => {
  const engaged = (page: Page) =>
    page.events.filter((event) => event.type === "engagement").map((event) => event.engaged);

  test("is the time in sight since the last report, sent when the page is hidden or left", async () => {
    const page = new Page();
    await pass(5000);
    page.turn("hidden");
    await pass(60_000);
    page.turn("visible");
    await pass(2000);
    page.leave();
    expect(engaged(page)).toEqual([5000, 2000]);
  });

  test("under a second is not worth an event", async () => {
    const page = new Page();
    await pass(999);
    page.leave();
    expect(engaged(page)).toEqual([]);
  });

  test("does not count while a page is open in the background", async () => {
    const page = new Page({ hidden: true });
    await pass(60_000);
    page.turn("visible");
    await pass(3000);
    page.leave();
    expect(engaged(page)).toEqual([3000]);
  });

  test("ends a minute after the last sign of life, and goes on with the next", async () => {
    const page = new Page();
    await pass(30_000);
    page.fire("pointermove");
    await pass(300_000);
    page.fire("keydown");
    await pass(10_000);
    page.leave();
    expect(engaged(page)).toEqual([100_000]);
  });

  test("belongs to the page that was looked at, and goes before the next view", async () => {
    const page = new Page();
    await pass(5000);
    page.push("/a");
    await pass(3000);
    page.leave();
    expect(
      page.events.slice(1).map(({ type, url, engaged }) => [type, new URL(url).pathname, engaged]),
    ).toEqual([
      ["engagement", "/", 5000],
      ["pageview", "/a", undefined],
      ["engagement", "/a", 3000],
    ]);
  });

  test("of a moment is kept until it is a second", async () => {
    const page = new Page();
    for (let n = 0; n < 3; n++) {
      await pass(400);
      page.turn("hidden");
      page.turn("visible");
    }
    expect(engaged(page)).toEqual([1200]);
  });

  test("needs a view to belong to", async () => {
    const page = new Page({ tag: MANUAL });
    await pass(5000);
    page.leave();
    expect(page.server.requests).toHaveLength(0);
  });
});

test("a server that was slow to answer the last page costs nothing", async () => {
  const [session, server] = [emptyShelf(), new Server()];
  server.script = ["silence", "error", ACCEPTED, ACCEPTED];
  const page = new Page({ session, server });
  await pass(200);
  page.leave();
  new Page({ session, server, url: "https://shop.example/next" });
  await pass(5000);
  expect(eventsIn(session)).toHaveLength(0);
  expect(new Set(server.events.map((event) => event.id)).size).toBe(2);
});
