/** Properties of an event: a flat object. What is undefined is left out. */
export type Props = Record<string, string | number | boolean | null | undefined>;

/**
 * The site's own events, to have their names and properties checked:
 * `declare module "weir-sdk" { interface Events { signup: { plan: "gold" | "silver" } } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: sites add to it
export interface Events {}

export interface TrackOptions {
  /** What it brought in: an amount in whole units ("12.34") and an ISO 4217 currency. */
  revenue?: { amount: number | string; currency: string };
  /** False for what no person did: it does not save a visit from being a bounce. */
  interactive?: boolean;
}

export interface WeirCore {
  /** Sends a custom event. */
  track<Name extends string>(
    name: Name,
    props?: Name extends keyof Events ? Events[Name] : Props,
    options?: TrackOptions,
  ): void;
  /** Sends a page view of the present address, also if it was sent before. */
  page(props?: Props): void;
  /** Sends what waits, now. */
  flush(): void;
}

/** Each is also an attribute of the script tag: `hash: true` is `data-hash`. */
export interface CoreOptions {
  /** Where events go: `https://HOST/x/api/v1/events`. A script tag knows it by its own address. */
  endpoint?: string;
  /** False: no page view by itself. */
  auto?: boolean;
  /** The site routes by `#...`. */
  hash?: boolean;
  /** "none": write nothing to the device. */
  storage?: "none";
  /** False: do not heed *Do Not Track*. */
  dnt?: boolean;
  /** True: heed *Global Privacy Control*. */
  gpc?: boolean;
}

/** Begins to count. A second call changes nothing. On a server, where there is no page, nothing happens. */
export function init(options: CoreOptions & { endpoint: string }): WeirCore;
export const weir: WeirCore;
