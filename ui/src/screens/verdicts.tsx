import { useEffect, useRef, useState } from "preact/hooks";
import type { Site } from "../api";
import { locale } from "../format";
import { Live } from "../live";
import { Icon } from "../parts/icon";
import { loadSites, session } from "../session";
import { heldBack, type Seen, titleOf, toneOf, type VerdictMessage, withMessage } from "../verdicts";
import { Page } from "./shell";

type WatchState = "connecting" | "live" | "offline" | "ended";

const STATES: Record<WatchState, string> = {
  connecting: "Connecting…",
  live: "Watching this browser",
  offline: "Not connected; trying again",
  ended: "Ended after ten minutes",
};

const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });

/** "Was my visit counted, and if not, why?" */
export function VerdictsScreen({ site }: { site: Site }) {
  return (
    <Page
      title={site.domain}
      lead="Was my visit counted, and if not, why? Every event that this browser sends from now on appears here."
    >
      {session.value?.demo ? (
        <p class="card px-6 py-14 text-center text-soft">The demo shows nobody’s events.</p>
      ) : (
        <Watching site={site} />
      )}
    </Page>
  );
}

function useWatch() {
  const [seen, setSeen] = useState<readonly Seen[]>([]);
  const [state, setState] = useState<WatchState>("connecting");
  const [begun, setBegun] = useState(0);
  useEffect(() => {
    setState("connecting");
    const listener = {
      onState: (next: WatchState) => {
        setState(next);
        // A failed stream doesn't say why: the list tells who is logged in.
        if (next === "offline") loadSites().catch(() => {});
      },
      onData: () => {},
      onChange: () => {},
    };
    const live = new Live("/api/verdicts", listener, undefined, {
      verdict: (message) => setSeen((before) => withMessage(before, message as VerdictMessage)),
      end: () => {
        live.stop();
        setState("ended");
      },
    });
    live.start();
    return () => live.stop();
  }, [begun]);
  return { seen, state, again: () => setBegun((count) => count + 1) };
}

/** A box that stays at its end as it grows, unless somebody has scrolled back. */
function useEnd(length: number) {
  const box = useRef<HTMLDivElement>(null);
  const last = useRef(0);
  useEffect(() => {
    const { current } = box;
    if (!current) return;
    const wasAtEnd = current.scrollTop + current.clientHeight >= last.current - 1;
    last.current = current.scrollHeight;
    if (wasAtEnd) current.scrollTop = current.scrollHeight;
  }, [length]);
  return box;
}

function Watching({ site }: { site: Site }) {
  const { seen, state, again } = useWatch();
  const log = useEnd(seen.length);
  return (
    <>
      <section class="card overflow-hidden" aria-label="Events of this browser">
        <header class="flex min-h-15 items-center gap-3 border-b border-line px-4 sm:px-5">
          <span class={`live-dot shrink-0 ${state === "live" ? "" : "is-off"}`} />
          <span role="status" class="font-medium">
            {STATES[state]}
          </span>
          {state === "ended" && (
            <button type="button" class="button-quiet ml-auto" onClick={again}>
              Watch again
            </button>
          )}
        </header>
        {/* Of one height, however much comes: what stands below must not move. */}
        <div
          ref={log}
          role="log"
          aria-label="Verdicts"
          class="h-96 overflow-y-auto"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a list longer than its box must scroll by keyboard too
          tabIndex={0}
        >
          {seen.length === 0 ? (
            <p class="px-6 py-14 text-center text-soft">
              Nothing yet. Open{" "}
              <a class="link" href={`https://${site.domain}/`} target="_blank" rel="noreferrer">
                {site.domain}
              </a>{" "}
              in this browser.
            </p>
          ) : (
            <ol class="divide-y divide-line">
              {seen.map((one) => (
                <Row key={one.n} seen={one} />
              ))}
            </ol>
          )}
        </div>
      </section>
      <Reasons site={site} />
    </>
  );
}

function Row({ seen }: { seen: Seen }) {
  return (
    <li class="px-4 py-2.5 sm:px-5">
      <div class="flex items-baseline gap-3">
        <p class="min-w-0 grow truncate font-medium">{titleOf(seen)}</p>
        <time class="shrink-0 text-[0.8125rem] text-soft tabular-nums" dateTime={seen.at}>
          {time.format(new Date(seen.at))}
        </time>
      </div>
      {seen.url && <p class="truncate text-[0.8125rem] text-soft">{seen.url}</p>}
      <Words seen={seen} />
    </li>
  );
}

const TONES = { good: "text-good", waiting: "text-soft", neutral: "text-soft", bad: "text-bad" };

function Words({ seen }: { seen: Seen }) {
  const tone = toneOf(seen.verdict);
  return (
    <p class={`mt-0.5 flex min-h-12 gap-2 sm:min-h-6 ${TONES[tone]}`}>
      <Icon name={tone === "good" ? "check" : tone === "bad" ? "alert" : "more"} class="mt-1" />
      <span class="min-w-0 break-words">{seen.words}</span>
    </p>
  );
}

function Reasons({ site }: { site: Site }) {
  const held = heldBack(navigator as { doNotTrack?: string | null; globalPrivacyControl?: boolean });
  return (
    <section class="mt-6 space-y-3 text-[0.875rem] text-soft" aria-label="Nothing appears?">
      {held.map((reason) => (
        <p key={reason} class="flex gap-2 text-ink">
          <Icon name="alert" class="mt-0.5 text-warn" /> {reason}
        </p>
      ))}
      <p>
        Nothing appears? Then nothing has left this browser, or it came from another address: an ad blocker, a
        page without the{" "}
        <a class="link" href={`/${encodeURIComponent(site.domain)}/install`}>
          script tag
        </a>
        , a visitor who has opted out. On the page itself,{" "}
        <code class="rounded bg-tint px-1.5 py-0.5 font-mono text-ink">weir.debug()</code> in the browser’s
        console tells which.
      </p>
      <p>
        It shows what comes from your IP address with your kind of browser, for ten minutes at a time. None of
        it is kept.
      </p>
    </section>
  );
}
