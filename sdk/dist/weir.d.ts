import type { CoreOptions, Props, TrackOptions, WeirCore } from "./core";

// All of it, and not name by name: a site's addition to `Events` finds its way through a star only.
export * from "./core";

/** A kind of event that is sent without a call. */
export type Capture = "clicks" | "forms" | "outbound" | "downloads" | "scroll" | "404" | "all";

/** Whether events are counted, or why not. */
export type Status = "counted" | "consent" | "opt-out" | "dnt" | "gpc" | "off";

/** An event as it is sent. */
export interface SentEvent {
  readonly id: string;
  type: "pageview" | "event" | "engagement";
  timestamp: number;
  url: string;
  referrer?: string;
  name?: string;
  props?: Props;
  revenue?: TrackOptions["revenue"];
  interactive?: boolean;
  engaged?: number;
  hash?: boolean;
  webdriver?: boolean;
}

/** Each but `beforeSend` is also an attribute of the script tag: `beforeSend` is the name of a function there. */
export interface Options extends CoreOptions {
  /** What the tracker is called on the page and on the device, where there are several. Default "weir". */
  name?: string;
  /** What is sent without a call. */
  capture?: Capture | Capture[];
  /** Labels of buttons and links go with their clicks. */
  text?: boolean;
  /** Extensions that make a link a download, in place of the usual ones. */
  downloads?: string | string[];
  /** Marks of scroll depth in per cent, in place of 25, 50, 75 and 100. */
  depths?: string | number[];
  /** What page views tell besides. */
  with?: string | ("screen" | "language" | "timezone")[];
  /** True: nothing is stored or sent until `optIn` was called, on this page or before. */
  consent?: boolean;
  /** Changes an event, or drops it by returning nothing. */
  beforeSend?: (event: SentEvent) => SentEvent | undefined | null | false | "";
}

export interface Weir extends WeirCore {
  /** Sends the custom event "purchase" with its revenue. */
  purchase(amount: number | string, currency: string, props?: Props): void;
  /** From now on this visitor is not counted here, and what waits is let go. */
  optOut(): void;
  /** Takes an `optOut` back, and gives the consent that a site may have to wait for. */
  optIn(): void;
  status(): Status;
  /** Tells at the console what becomes of every event of this tab, until it ends or `debug(false)`. */
  debug(on?: boolean): void;
}

/** A call made before the script was there: `weir.q.push(["track", "signup"])`. */
export type EarlyCall =
  | [name: "track", name: string, props?: Props, options?: TrackOptions]
  | [name: "purchase", ...args: Parameters<Weir["purchase"]>]
  | [name: "page", props?: Props]
  | [name: "flush" | "optIn" | "optOut"]
  | [name: "debug", on?: boolean];

/** Begins to count. A second call changes nothing. On a server, where there is no page, nothing happens. */
export function init(options: Options & { endpoint: string }): Weir;
export const weir: Weir;

declare global {
  interface Window {
    weir: Weir & { q: { push(call: EarlyCall): void } };
  }
}
