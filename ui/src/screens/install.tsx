import { useEffect, useState } from "preact/hooks";
import { api, errorText, type Site } from "../api";
import { useLive } from "../dashboard/uselive";
import { useLoad } from "../load";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { go } from "../router";
import { loadSites, session } from "../session";
import { PageCheck } from "./pagecheck";
import { Removal } from "./removesite";
import { Page } from "./shell";

const MOVE_ON_MS = 1200;

export function Install({ site }: { site: Site }) {
  const { version } = useLive(site.domain);
  const loaded = useLoad(site.domain, version, () => api.install(site.domain));
  const [wasEmpty] = useState(!site.has_events);
  const arrived = loaded.data?.has_events ?? site.has_events;

  useEffect(() => {
    if (!wasEmpty || !arrived) return;
    const timer = setTimeout(async () => {
      await loadSites().catch(() => {});
      go(`/${encodeURIComponent(site.domain)}?period=day`, { replace: true });
    }, MOVE_ON_MS);
    return () => clearTimeout(timer);
  }, [wasEmpty, arrived, site.domain]);

  return (
    <Page title={site.domain} lead="One line, in the head of every page.">
      <section class="card p-5 sm:p-6" aria-label="Script tag">
        {loaded.data ? (
          <Snippet text={loaded.data.snippet} />
        ) : loaded.error ? (
          <Failure text={errorText(loaded.error)} onRetry={loaded.retry} />
        ) : (
          <Skeleton class="h-24 w-full" />
        )}
        <Waiting arrived={arrived} domain={site.domain} />
      </section>
      <section class="mt-6 space-y-3 text-[0.875rem] text-soft">
        <p>
          Page views are counted on their own, also in single-page apps. For anything else, call{" "}
          <code class="rounded bg-tint px-1.5 py-0.5 font-mono text-ink">weir.track("signup")</code>.
        </p>
        <p>No cookie, no stored IP address, no lasting visitor id.</p>
        <p>
          Nothing arrives? Open the page in a browser without an ad blocker, on {site.domain} or a subdomain
          of it. Do Not Track is respected.{" "}
          {!session.value?.demo && (
            <a class="link" href={`/${encodeURIComponent(site.domain)}/verdicts`}>
              Was my visit counted?
            </a>
          )}
        </p>
      </section>
      {!session.value?.demo && <PageCheck domain={site.domain} />}
      {!session.value?.demo && <Removal domain={site.domain} />}
    </Page>
  );
}

function Snippet({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      selectAll(document.getElementById("snippet"));
      // Without a secure context there is no clipboard API; the older command works on a selection.
      if (!document.execCommand("copy")) return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div>
      <pre class="rounded-lg border border-line bg-canvas p-4 font-mono text-[0.8125rem] leading-relaxed break-words whitespace-pre-wrap">
        <code id="snippet">{text}</code>
      </pre>
      <button type="button" class="button mt-3 min-w-36" onClick={copy}>
        <Icon name={copied ? "check" : "copy"} /> {copied ? "Copied" : "Copy tag"}
      </button>
      <span class="sr-only" role="status">
        {copied ? "Copied to the clipboard" : ""}
      </span>
    </div>
  );
}

function selectAll(element: HTMLElement | null): void {
  if (element) getSelection()?.selectAllChildren(element);
}

function Waiting({ arrived, domain }: { arrived: boolean; domain: string }) {
  return (
    <div role="status" class="mt-5 flex items-center gap-3 border-t border-line pt-5">
      {arrived ? (
        <>
          <span class="grid size-6 shrink-0 place-items-center rounded-full bg-tint text-good">
            <Icon name="check" />
          </span>
          <span class="font-medium">Events are arriving.</span>
          <a class="link ml-auto" href={`/${encodeURIComponent(domain)}`}>
            Open the dashboard
          </a>
        </>
      ) : (
        <>
          <span class="live-dot mx-2 shrink-0" />
          <span>
            Waiting for the first event. <span class="text-soft">This page moves on by itself.</span>
          </span>
        </>
      )}
    </div>
  );
}
