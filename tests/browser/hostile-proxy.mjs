import { setTimeout as sleep } from "node:timers/promises";
import { Exchange } from "./exchange.mjs";
import { eventually, serve } from "./loopback.mjs";
import { choose, random } from "./random.mjs";

const DELAY_MS = [50, 1200];
const LATER_MS = [500, 4000];

/** What may happen to a request: its share among deliveries, its share among loads of the script, and how. */
const FAULTS = {
  pass: [9, 50, async (exchange) => exchange.reply(await exchange.forward())],
  /** The server never hears of it. */
  drop: [4, 2, async (exchange) => exchange.hangUp()],
  reset: [3, 1, async (exchange) => exchange.reset()],
  "cut request": [
    3,
    1,
    async (exchange) => {
      await exchange.forwardHalf();
      exchange.hangUp();
    },
  ],
  /** The server has it, and the browser does not know. */
  "lose reply": [
    4,
    1,
    async (exchange) => {
      await exchange.forward();
      exchange.hangUp();
    },
  ],
  "cut reply": [3, 2, async (exchange, [part]) => exchange.replyInPart(await exchange.forward(), part)],
  "delay request": [
    3,
    2,
    async (exchange, [time]) => {
      await sleep(between(DELAY_MS, time));
      exchange.reply(await exchange.forward());
    },
  ],
  "delay reply": [
    3,
    2,
    async (exchange, [time]) => {
      const answer = await exchange.forward();
      await sleep(between(DELAY_MS, time));
      exchange.reply(answer);
    },
  ],
  double: [
    3,
    0,
    async (exchange) => {
      const [answer] = await Promise.all([exchange.forward(), exchange.forward()]);
      exchange.reply(answer);
    },
  ],
  "double later": [
    4,
    0,
    async (exchange, [time]) => {
      exchange.reply(await exchange.forward());
      await sleep(between(LATER_MS, time));
      await exchange.forward();
    },
  ],
  /** As lost, until another copy of it overtakes it. */
  "late only": [
    2,
    0,
    async (exchange, [time]) => {
      exchange.hangUp();
      await sleep(between(LATER_MS, time));
      await exchange.forward();
    },
  ],
  "say 503": [
    2,
    1,
    async (exchange, [kind]) => exchange.refuse(503, { retryAfterSecs: 1, isReadable: kind < 0.5 }),
  ],
  "say 429": [
    2,
    0,
    async (exchange, [kind]) => exchange.refuse(429, { retryAfterSecs: 1, isReadable: kind < 0.5 }),
  ],
  "say 500": [2, 1, async (exchange, [kind]) => exchange.refuse(500, { isReadable: kind < 0.5 })],
};

export const FAULT_NAMES = Object.keys(FAULTS).filter((name) => name !== "pass");

const between = ([least, most], part) => Math.round(least + part * (most - least));

/**
 * Stands between the browser and the server and misbehaves: what it does to the n-th request hangs on the
 * seed and on n alone. It keeps a diary, and knows which events the server has answered for.
 */
export class HostileProxy {
  /** `shares`: how often what happens among deliveries and loads, in place of the usual. */
  static async start(seed, serverPort, shares = FAULTS) {
    const proxy = new HostileProxy();
    proxy.serverPort = serverPort;
    proxy.shares = shares;
    proxy.random = random(seed);
    proxy.began = Date.now();
    Object.assign(proxy, await serve((request, response) => proxy.take(request, response)));
    proxy.origin = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  isCalm = false;
  /** Requests that are not done with, copies to come included. */
  busy = 0;
  /** Every request: { at, what, fault, sent: what the server answered to each copy }. */
  diary = [];
  /** Ids of events that the server has answered for with 202: how often. */
  heard = new Map();
  /** Ids in deliveries that the server got whole and died over: it may have kept them or not. */
  unsure = [];
  /** What trackers said that they had to give up. */
  givenUp = 0;

  async take(request, response) {
    const [fate, kind] = [this.random(), this.random()];
    const isDelivery = request.method === "POST";
    const shares = Object.entries(this.shares).map(([name, each]) => [name, each[isDelivery ? 0 : 1]]);
    const fault = this.isCalm ? "pass" : choose(shares, fate);
    const entry = { at: Date.now() - this.began, what: request.method, fault, sent: [] };
    this.diary.push(entry);
    this.busy += 1;
    try {
      const exchange = await Exchange.read(request, response, this, entry);
      const [, , act] = FAULTS[fault];
      await act(exchange, [kind]);
    } catch (error) {
      entry.sent.push(`${error.code ?? error}`);
    }
    this.busy -= 1;
  }

  /** From now on everything passes; copies that are under way still come. */
  calm() {
    this.isCalm = true;
  }

  quiet() {
    return eventually(
      "the proxy is done",
      () => this.busy,
      (busy) => busy === 0,
    );
  }

  /** Events in all the copies that the server has acknowledged. */
  get acknowledged() {
    return [...this.heard.values()].reduce((sum, times) => sum + times, 0);
  }

  /** How often it did what. */
  tally() {
    const count = (name) => this.diary.filter(({ fault }) => fault === name).length;
    return Object.fromEntries(FAULT_NAMES.map((name) => [name, count(name)]));
  }

  /** The diary in words, one request a line. */
  story() {
    return this.diary
      .map(({ at, what, fault, sent }) => `${`${at}`.padStart(6)} ms  ${what}: ${fault} [${sent.join(", ")}]`)
      .join("\n");
  }
}
