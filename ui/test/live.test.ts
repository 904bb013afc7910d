import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Live, RETRY_FIRST_MS, RETRY_MAX_MS, retryDelay, SILENCE_MAX_MS, spaced } from "../src/live";

class FakeSource {
  listeners = new Map<string, (event: Event) => void>();
  closed = false;
  addEventListener(type: string, listener: unknown) {
    this.listeners.set(type, listener as (event: Event) => void);
  }
  close() {
    this.closed = true;
  }
  say(type: string, data: unknown = {}) {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.listeners.get(type)?.({ data: text } as MessageEvent);
  }
}

function watch() {
  const sources: FakeSource[] = [];
  const listener = { onState: vi.fn(), onData: vi.fn(), onChange: vi.fn() };
  const live = new Live("/api/live?site_id=example.com", listener, () => {
    const source = new FakeSource();
    sources.push(source);
    return source as unknown as EventSource;
  });
  live.start();
  return { live, listener, sources, last: () => sources.at(-1) as FakeSource };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the live stream", () => {
  test("says what changed", () => {
    const { listener, last } = watch();
    last().say("hello", { visitors_now: 3 });
    expect(listener.onState).toHaveBeenLastCalledWith("live", 0);
    expect(listener.onChange).not.toHaveBeenCalled();
    last().say("change", { visitors_now: 4, pending: 0 });
    expect(listener.onData).toHaveBeenLastCalledWith({ visitors_now: 4, pending: 0 });
    expect(listener.onChange).toHaveBeenCalledTimes(1);
    last().say("now", { visitors_now: 2 });
    expect(listener.onChange).toHaveBeenCalledTimes(1);
  });

  test("hands on messages of other names, and they break the silence", () => {
    const source = new FakeSource();
    const told = vi.fn();
    const listener = { onState: vi.fn(), onData: vi.fn(), onChange: vi.fn() };
    new Live("/api/verdicts", listener, () => source as unknown as EventSource, { verdict: told }).start();
    source.say("hello");
    vi.advanceTimersByTime(SILENCE_MAX_MS - 1);
    source.say("verdict", { n: 1 });
    vi.advanceTimersByTime(SILENCE_MAX_MS - 1);
    expect(told.mock.calls).toEqual([[{ n: 1 }]]);
    expect(source.closed).toBe(false);
  });

  test("comes back with growing pauses and closes the broken source", () => {
    const { sources, last, listener } = watch();
    for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      const broken = last();
      broken.say("error");
      expect(broken.closed).toBe(true);
      expect(listener.onState).toHaveBeenLastCalledWith("offline", pause);
      const before = sources.length;
      vi.advanceTimersByTime(pause - 1);
      expect(sources).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(sources).toHaveLength(before + 1);
    }
  });

  test("after a return it loads anew, since it may have missed something, and pauses begin small again", () => {
    const { last, listener } = watch();
    last().say("hello");
    last().say("error");
    vi.advanceTimersByTime(RETRY_FIRST_MS);
    last().say("hello");
    expect(listener.onChange).toHaveBeenCalledTimes(1);
    last().say("error");
    expect(listener.onState).toHaveBeenLastCalledWith("offline", RETRY_FIRST_MS);
  });

  test("a silent connection counts as broken", () => {
    const { last, listener } = watch();
    last().say("hello");
    vi.advanceTimersByTime(SILENCE_MAX_MS - 1);
    last().say("now");
    vi.advanceTimersByTime(SILENCE_MAX_MS - 1);
    expect(listener.onState).toHaveBeenLastCalledWith("live", 0);
    vi.advanceTimersByTime(1);
    expect(listener.onState).toHaveBeenLastCalledWith("offline", RETRY_FIRST_MS);
  });

  test("stopped is stopped", () => {
    const { live, sources, last } = watch();
    last().say("error");
    live.stop();
    vi.advanceTimersByTime(10 * RETRY_MAX_MS);
    expect(sources).toHaveLength(1);
  });

  test.each(["", "not json", "null", "3"])("a message of %j is no data", (text) => {
    const { last, listener } = watch();
    last().say("now", text);
    expect(listener.onData).not.toHaveBeenCalled();
  });

  test("pauses never pass their limit by more than the spread", () => {
    for (let attempt = 0; attempt < 2000; attempt += 37) {
      const delay = retryDelay(attempt, 1);
      expect(delay).toBeGreaterThanOrEqual(RETRY_FIRST_MS);
      expect(delay).toBeLessThanOrEqual(RETRY_MAX_MS * 1.25);
    }
  });
});

describe("spaced calls", () => {
  test("the first acts at once, a burst once more at its end", () => {
    const act = vi.fn();
    const { call } = spaced(800, act);
    call();
    expect(act).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 10; i++) call();
    expect(act).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(800);
    expect(act).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5000);
    expect(act).toHaveBeenCalledTimes(2);
  });

  test("cancelled, nothing follows", () => {
    const act = vi.fn();
    const { call, cancel } = spaced(800, act);
    call();
    call();
    cancel();
    vi.advanceTimersByTime(5000);
    expect(act).toHaveBeenCalledTimes(1);
  });
});
