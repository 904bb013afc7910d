import { useState } from "preact/hooks";
import { api, errorText, type Site } from "../api";
import { ChangeMark } from "../dashboard/headline";
import { aligned, byMetric } from "../dashboard/overview";
import { change, compact, full } from "../format";
import { useLoad } from "../load";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { session, sites } from "../session";
import { CHART_METRICS } from "../view";
import { useEvery } from "./every";
import { RemoveSite } from "./removesite";
import { Page } from "./shell";
import { Sparkline } from "./sparkline";
import { UnknownHosts } from "./unknownhosts";

const REFRESH_EVERY_MS = 15_000;

export function SitesList() {
  const all = sites.value?.sites ?? [];
  const version = useEvery(REFRESH_EVERY_MS);
  const [removing, setRemoving] = useState<string | null>(null);
  return (
    <Page
      wide
      title="Sites"
      lead={`${all.length === 1 ? "One site" : `${full(all.length)} sites`}, the last 24 hours`}
      action={
        !session.value?.demo && (
          <a class="button" href="/sites/new">
            <Icon name="plus" /> Add site
          </a>
        )
      }
    >
      {all.length === 0 ? (
        <p class="card px-6 py-14 text-center text-soft">No site yet. Add one to get its script tag.</p>
      ) : (
        <ul class="grid gap-4 sm:grid-cols-2 xl:grid-cols-3">
          {all.map((site) => (
            <li key={site.domain} class="relative">
              <SiteCard site={site} version={version} />
              {!session.value?.demo && (
                <button
                  type="button"
                  class="button-bare absolute top-3.5 right-3"
                  aria-label={`Remove ${site.domain}`}
                  title="Remove site"
                  onClick={() => setRemoving(site.domain)}
                >
                  <Icon name="trash" />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <UnknownHosts />
      {removing && <RemoveSite domain={removing} onClose={() => setRemoving(null)} />}
    </Page>
  );
}

async function loadCard(domain: string, signal: AbortSignal) {
  const base = { site_id: domain, metrics: CHART_METRICS, date_range: "24h" };
  const [total, hours] = await Promise.all([
    api.query({ ...base, include: { comparisons: { mode: "previous_period" } } }, signal),
    api.query({ ...base, dimensions: ["time:hour"], include: { time_labels: true } }, signal),
  ]);
  const row = total.results[0];
  return {
    visitors: byMetric(row?.metrics).visitors ?? 0,
    change: byMetric(row?.comparison?.change).visitors,
    hours: aligned(hours.meta.time_labels, hours.results).values.visitors ?? [],
  };
}

function SiteCard({ site, version }: { site: Site; version: number }) {
  const { data, error } = useLoad(site.domain, version, (signal) => loadCard(site.domain, signal));
  const against = data && change("visitors", data.change);
  const href = `/${encodeURIComponent(site.domain)}${site.has_events ? "" : "/install"}`;
  return (
    <a href={href} class="card group block overflow-hidden p-5 pb-0 transition-colors hover:border-edge">
      <h2 class="truncate pr-8 text-lg font-semibold tracking-tight group-hover:text-accent">
        {site.domain}
      </h2>
      {!site.has_events ? (
        <p class="flex h-31 items-center gap-2.5 text-soft">
          <span class="live-dot is-off" /> Waits for its first event
        </p>
      ) : error && !data ? (
        <div class="h-31 overflow-hidden">
          <Failure text={errorText(error)} />
        </div>
      ) : (
        <>
          <p class="mt-1 flex h-8 items-baseline gap-2">
            {data ? (
              <>
                <strong class="text-2xl font-semibold tabular-nums" title={full(data.visitors)}>
                  {compact(data.visitors)}
                </strong>
                <span class="text-soft">{data.visitors === 1 ? "visitor" : "visitors"}</span>
                {against && (
                  <span class="ml-auto text-[0.8125rem]">
                    <ChangeMark change={against} />
                  </span>
                )}
              </>
            ) : (
              <Skeleton class="h-6 w-24" />
            )}
          </p>
          <div class="-mx-5 mt-2 h-20">{data && <Sparkline values={data.hours} />}</div>
        </>
      )}
    </a>
  );
}
