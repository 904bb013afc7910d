import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Live, type LiveData, type LiveState, spaced } from "../live";
import { loadSites } from "../session";

export type LiveStatus = Partial<LiveData> & { state: LiveState; retryInMs: number };

/** Often enough to see a visit within a second, seldom enough for a busy site. */
export const REFRESH_GAP_MS = 800;

const EMPTY: LiveStatus = { state: "connecting", retryInMs: 0 };

/** One stream per mounted screen. Hidden tabs refresh when they are looked at again. */
export function useLive(site: string, onTick?: () => void) {
  const [status] = useState(() => signal<LiveStatus>(EMPTY));
  const [version, setVersion] = useState(0);
  const [retry, setRetry] = useState<() => void>(() => () => {});

  useEffect(() => {
    let missed = false;
    const refresh = spaced(REFRESH_GAP_MS, () => {
      if (document.hidden) missed = true;
      else setVersion((count) => count + 1);
    });
    const live = new Live(`/api/live?site_id=${encodeURIComponent(site)}`, {
      onState: (state, retryInMs) => {
        status.value = { ...status.value, state, retryInMs };
        // A failed stream doesn't say why: the list tells whether the site is still there, and who is logged in.
        if (state === "offline") loadSites().catch(() => {});
      },
      onData: (data) => {
        status.value = { ...status.value, ...data };
        onTick?.();
      },
      onChange: () => refresh.call(),
    });
    const shown = () => {
      if (!document.hidden && missed) {
        missed = false;
        refresh.call();
      }
    };
    const again = () => live.start();
    setRetry(() => again);
    addEventListener("online", again);
    document.addEventListener("visibilitychange", shown);
    live.start();
    return () => {
      live.stop();
      refresh.cancel();
      status.value = EMPTY;
      removeEventListener("online", again);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [site]);

  return { status, version, retry };
}
