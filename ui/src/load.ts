import { useEffect, useRef, useState } from "preact/hooks";

export type Loaded<T> = {
  data: T | undefined;
  error: unknown;
  /** The data shown still belongs to an earlier question. */
  stale: boolean;
  retry: () => void;
};

/**
 * Loads again when `key` (a new question) or `version` (new figures) changes. Old data stays on screen meanwhile,
 * so nothing jumps. A new question aborts the old request; new figures wait for the running one, so that a
 * steady stream of changes can't keep a slow answer from ever arriving.
 */
export function useLoad<T>(
  key: string,
  version: number,
  load: (signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown }>({ key });
  const [attempt, setAttempt] = useState(0);
  const run = useRef<() => void>(() => {});
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const controller = new AbortController();
    let running = false;
    let again = false;
    run.current = async () => {
      if (running) {
        again = true;
        return;
      }
      running = true;
      do {
        again = false;
        try {
          const data = await latest.current(controller.signal);
          if (!controller.signal.aborted) setState({ key, data });
        } catch (error) {
          if (controller.signal.aborted) return;
          setState((before) => ({ key, data: before.key === key ? before.data : undefined, error }));
        }
      } while (again && !controller.signal.aborted);
      running = false;
    };
    run.current();
    return () => controller.abort();
  }, [key, attempt]);

  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else run.current();
  }, [version]);

  return {
    data: state.data,
    error: state.error,
    stale: state.key !== key,
    retry: () => setAttempt((count) => count + 1),
  };
}
