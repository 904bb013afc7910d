/** Properties of an event: a flat object. */
export type Props = Record<string, string | number | boolean | null>;

export interface TrackOptions {
  /** What it brought in: an amount in whole units ("12.34") and an ISO 4217 currency. */
  revenue?: { amount: number | string; currency: string };
  /** False for what no person did: it does not save a visit from being a bounce. */
  interactive?: boolean;
}

export interface Weir {
  /** Sends a custom event. */
  track(name: string, props?: Props, options?: TrackOptions): void;
  /** Sends a page view of the present address, also if it was sent before. */
  page(): void;
  /** Sends what waits, now. */
  flush(): void;
}

/** A call made before the script was there: `weir.q.push(["track", "signup"])`. */
export type EarlyCall =
  | [name: "track", ...args: Parameters<Weir["track"]>]
  | [name: "page"]
  | [name: "flush"];

declare global {
  interface Window {
    weir: Weir & { q: { push(call: EarlyCall): void } };
  }
}
