// The live stream of one site: connects, tells what changed, and comes back by itself after any failure.

export type LiveState = "connecting" | "live" | "offline";
export type LiveData = { visitors_now: number; complete_until: string; pending: number };
export type LiveListener = {
  onState(state: LiveState, retryInMs: number): void;
  onData(data: Partial<LiveData>): void;
  /** Figures may have changed: an event was committed, or the stream was away and may have missed one. */
  onChange(): void;
};

export const RETRY_FIRST_MS = 1000;
export const RETRY_MAX_MS = 30_000;
/** The server says something every 10 s; silence for three of these means a dead connection. */
export const SILENCE_MAX_MS = 35_000;

/** 1, 2, 4 ... 30 s, each up to a quarter longer so that many pages don't come back at once. */
export function retryDelay(attempt: number, random: number = Math.random()): number {
  const plain = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(plain * (1 + random / 4));
}

type Source = Pick<EventSource, "addEventListener" | "close">;
export type OpenSource = (url: string) => Source;

export class Live {
  private source: Source | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private wasConnected = false;

  constructor(
    private readonly url: string,
    private readonly listener: LiveListener,
    private readonly open: OpenSource = (url) => new EventSource(url),
    /** Messages of other names. */
    private readonly others: Record<string, (data: unknown) => void> = {},
  ) {}

  start(): void {
    this.stop();
    if (!this.wasConnected) this.listener.onState("connecting", 0);
    const source = this.open(this.url);
    this.source = source;
    this.listenForSilence();
    source.addEventListener("hello", (event) => this.connected(event as MessageEvent));
    source.addEventListener("now", (event) => this.received(event as MessageEvent));
    source.addEventListener("change", (event) => {
      this.received(event as MessageEvent);
      this.listener.onChange();
    });
    for (const [name, tell] of Object.entries(this.others))
      source.addEventListener(name, (event) => {
        this.listenForSilence();
        const data = parse((event as MessageEvent).data);
        if (data) tell(data);
      });
    // The browser would retry on its own, but not after an HTTP error and without saying when.
    source.addEventListener("error", () => this.failed());
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.source?.close();
    this.source = null;
  }

  private connected(event: MessageEvent): void {
    this.attempt = 0;
    this.listener.onState("live", 0);
    this.received(event);
    if (this.wasConnected) this.listener.onChange();
    this.wasConnected = true;
  }

  private received(event: MessageEvent): void {
    this.listenForSilence();
    const data = parse(event.data);
    if (data) this.listener.onData(data);
  }

  private failed(): void {
    this.stop();
    const delay = retryDelay(this.attempt++);
    this.listener.onState("offline", delay);
    this.timer = setTimeout(() => this.start(), delay);
  }

  private listenForSilence(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.failed(), SILENCE_MAX_MS);
  }
}

function parse(text: unknown): Partial<LiveData> | null {
  try {
    const data = JSON.parse(String(text));
    return data !== null && typeof data === "object" ? data : null;
  } catch {
    return null;
  }
}

/** Calls at once, then at most once per `gapMs`; the last call within a gap is not lost. */
export function spaced(gapMs: number, act: () => void): { call(): void; cancel(): void } {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = () => {
    timer = undefined;
    last = Date.now();
    act();
  };
  return {
    call() {
      if (timer !== undefined) return;
      const wait = last + gapMs - Date.now();
      if (wait <= 0) run();
      else timer = setTimeout(run, wait);
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
