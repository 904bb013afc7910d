import { createContext, runInContext } from "node:vm";
import { vi } from "vitest";
import { bundle, type FORMS } from "../bundle.mjs";

// A browser as far as the tracker can see one. Every page is a realm of its own, as in a browser, and
// runs the same bytes that are shipped.

/** The form under test. */
export const FORM = process.env.FORM as keyof typeof FORMS;

const script = await bundle(FORM);

export interface SentEvent {
  id: string;
  type: string;
  timestamp: number;
  url: string;
  [member: string]: unknown;
}

export interface Request {
  via: "fetch" | "beacon";
  url: string;
  /** As the tracker gave them to `fetch`. */
  options: { keepalive?: boolean; credentials?: string; method?: string; headers?: Record<string, string> };
  text: string;
  body: { sentAt: number; lost?: number; events: SentEvent[] };
  at: number;
}

export type Reply =
  | { status: number; body?: unknown; headers?: Record<string, string> }
  /** The network failed. */
  | "error"
  /** No answer ever comes. */
  | "silence";

export const ACCEPTED: Reply = { status: 202, body: { accepted: 1, dropped: [] } };

export interface Verdict {
  id: string;
  verdict: string;
  words: string;
}

/** The ingest server: remembers what it was sent and answers as it is told. */
export class Server {
  requests: Request[] = [];
  /** Answers for the next requests, one each; after these, `reply`. */
  script: Reply[] = [];
  reply: Reply = ACCEPTED;
  /** What it knows of single events; an answer for each question, the last one for all that follow. */
  verdicts: ((id: string) => Omit<Verdict, "id"> | undefined)[] = [];
  questions = 0;

  tell(ids: string[]): { verdicts: Verdict[] } {
    const know = this.verdicts[Math.min(this.questions++, this.verdicts.length - 1)];
    return { verdicts: ids.flatMap((id) => (know?.(id) ? [{ id, ...know(id) } as Verdict] : [])) };
  }

  take(request: Request): Reply {
    this.requests.push(request);
    return this.script.shift() ?? this.reply;
  }

  /** All events, in the order in which they came. */
  get events() {
    return this.requests.flatMap((request) => request.body.events);
  }

  names() {
    return this.events.map((event) => event.name ?? new URL(event.url).pathname);
  }
}

/** `localStorage` or `sessionStorage`: its entries are its properties. */
export type Shelf = Record<string, string>;
export const emptyShelf = (): Shelf => Object.create(null);
export const eventsIn = (shelf: Shelf) => Object.keys(shelf).filter((key) => key.startsWith("weir:"));

/** A shelf that takes no more: every write fails as it does past the quota. */
export const fullShelf = (entries: Shelf = emptyShelf()): Shelf =>
  new Proxy(entries, {
    set() {
      throw new DOMException("full", "QuotaExceededError");
    },
  });

export interface PageOptions {
  url?: string;
  referrer?: string;
  /** Attributes of the script tag. */
  tag?: Record<string, string>;
  /** `null`: the page has no tag that could be found. */
  src?: string | null;
  /** Visibility states that the browser has noted before the script came. */
  wasVisible?: boolean;
  local?: Shelf | (() => Shelf);
  session?: Shelf | (() => Shelf);
  server?: Server;
  navigator?: Record<string, unknown>;
  prerendering?: boolean;
  hidden?: boolean;
  /** What somebody types goes to this page. */
  focused?: boolean;
  /** What stands in `window.weir` before the script runs. */
  early?: unknown;
  /** Runs in the page before the tracker. */
  before?: string;
  fetch?: unknown;
  keepaliveKnown?: boolean;
  sendBeacon?: (request: Request) => boolean;
}

class PageEvent extends Event {
  constructor(type: string, members: object = {}) {
    super(type);
    Object.assign(this, members);
  }
}

export class Page {
  readonly server: Server;
  readonly warnings: unknown[][] = [];
  /** What was told at the console, line by line. */
  readonly lines: string[] = [];
  readonly document: EventTarget & { hidden: boolean; prerendering: boolean; hasFocus(): boolean };
  readonly navigator: Record<string, unknown> & { onLine: boolean };
  // biome-ignore lint/suspicious/noExplicitAny: the page's global object
  readonly window: any;
  location: URL;
  private readonly history: URL[] = [];

  constructor(private readonly options: PageOptions = {}) {
    this.server = options.server ?? new Server();
    this.location = new URL(options.url ?? "https://shop.example/");
    this.document = Object.assign(new EventTarget(), {
      hidden: !!(options.hidden || options.prerendering),
      prerendering: !!options.prerendering,
      referrer: options.referrer ?? "",
      currentScript: this.tag(),
      querySelector: () => null,
      hasFocus: () => !!options.focused,
    });
    this.navigator = {
      onLine: true,
      sendBeacon: (url: string, text: string) => this.beacon(url, text),
      ...options.navigator,
    };
    this.window = this.globals();
    createContext(this.window);
    if (options.before) this.run(options.before);
    this.run(script);
  }

  run(code: string) {
    return runInContext(code, this.window);
  }

  get weir() {
    return this.window.weir;
  }

  get events() {
    return this.server.events;
  }

  /** What the page's own script does. */
  push(path: string) {
    this.window.history.pushState({}, "", path);
  }

  back() {
    this.location = this.history.pop() ?? this.location;
    this.fire("popstate");
  }

  fire(type: string, members?: object) {
    this.window.dispatchEvent(new PageEvent(type, members));
  }

  turn(visibility: "hidden" | "visible") {
    this.document.hidden = visibility === "hidden";
    this.fire("visibilitychange");
  }

  /** As browsers do when a page is left: `pagehide` first. */
  leave() {
    this.fire("pagehide", { persisted: false });
    this.turn("hidden");
  }

  activate() {
    this.document.prerendering = false;
    this.document.dispatchEvent(new PageEvent("prerenderingchange"));
    this.turn("visible");
  }

  goOffline() {
    this.navigator.onLine = false;
  }

  goOnline() {
    this.navigator.onLine = true;
    this.fire("online");
  }

  private tag() {
    const name = { "core.js": "sdk.core.js", "fusionaly.js": "sdk.js" }[FORM as string] ?? "weir.js";
    const { src = `https://stats.example/y/api/v1/${name}`, tag = {} } = this.options;
    if (src === null) return null;
    return { src, getAttribute: (name: string) => tag[name] ?? null };
  }

  private request(via: Request["via"], url: string, options: Request["options"], text: string): Request {
    return { via, url, options, text, body: JSON.parse(text), at: performance.now() };
  }

  private beacon(url: string, text: string) {
    const request = this.request("beacon", url, {}, text);
    if (this.options.sendBeacon && !this.options.sendBeacon(request)) return false;
    this.server.take(request);
    return true;
  }

  private async fetch(url: string, options: Request["options"] & { body: string }) {
    const asked = /\/x\/api\/v1\/events\?ids=(.*)$/.exec(url);
    if (asked) return new Response(JSON.stringify(this.server.tell(asked[1].split(","))), { status: 200 });
    const reply = this.server.take(this.request("fetch", url, options, options.body));
    if (reply === "silence") return new Promise(() => {});
    if (reply === "error" || !this.navigator.onLine) throw new TypeError("Failed to fetch");
    const body = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? {});
    return new Response(body, { status: reply.status, headers: reply.headers });
  }

  private go(path: string) {
    this.location = new URL(path, this.location);
  }

  private globals() {
    const { options } = this;
    const shelf = (given?: Shelf | (() => Shelf)) => (typeof given === "function" ? given : () => given);
    const local = shelf(options.local ?? emptyShelf());
    const session = shelf(options.session ?? emptyShelf());
    const page = this;
    const window = Object.assign(new EventTarget(), {
      document: this.document,
      navigator: this.navigator,
      console: {
        warn: (...text: unknown[]) => this.warnings.push(text),
        info: (...text: unknown[]) => this.lines.push(text.join(" ")),
      },
      crypto,
      performance: {
        now: () => performance.now(),
        getEntriesByName: (name: string) => (options.wasVisible && name === "visible" ? [{ name }] : []),
      },
      TextEncoder,
      URL,
      Event,
      EventTarget,
      Date,
      Math,
      Request: { prototype: options.keepaliveKnown === false ? {} : { keepalive: false } },
      setTimeout: (work: (...args: unknown[]) => void, ms: number, ...args: unknown[]) =>
        setTimeout(work, ms, ...args),
      clearTimeout: (timer: number) => clearTimeout(timer),
      fetch:
        "fetch" in options ? options.fetch : (url: string, init: { body: string }) => this.fetch(url, init),
      history: {
        pushState(_state: unknown, _title: string, path: string) {
          page.history.push(page.location);
          page.go(path);
        },
        replaceState(_state: unknown, _title: string, path: string) {
          page.go(path);
        },
      },
      weir: options.early,
    });
    Object.defineProperties(window, {
      window: { value: window },
      location: { get: () => this.location },
      localStorage: { get: local },
      sessionStorage: { get: session },
    });
    return window;
  }
}

/** Lets time pass, and everything that was waiting for it happen. */
export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

export const START = Date.UTC(2026, 2, 1, 12);

export function stopClock() {
  vi.useFakeTimers({ now: START, toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  // No jitter: the middle of its range.
  vi.spyOn(Math, "random").mockReturnValue(0.5);
}

export function startClock() {
  vi.restoreAllMocks();
  vi.useRealTimers();
}
