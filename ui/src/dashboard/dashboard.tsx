import type { Signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { errorText, type Site } from "../api";
import { METRIC_NAMES, VISITORS_NOW } from "../definitions";
import { toggled } from "../filters";
import { clockText, daysText, full } from "../format";
import { useLoad } from "../load";
import { Failure, Skeleton } from "../parts/notice";
import { Term } from "../parts/tip";
import { type Interval, localTime, PERIODS, today as todayIn } from "../period";
import { go, place } from "../router";
import { parseView, type View, viewSearch } from "../view";
import { Chart, Dashes } from "./chart";
import { FilterBar } from "./filterbar";
import { Headline } from "./headline";
import { currentBucket, loadOverview, type Overview, untilNow } from "./overview";
import { PANELS, Panel } from "./panel";
import { RangePicker } from "./rangepicker";
import { SitePicker } from "./sitepicker";
import { type LiveStatus, useLive } from "./uselive";

export function Dashboard({ site }: { site: Site }) {
  const search = place.value.search;
  const view = useMemo(() => parseView(search), [search]);
  const [today, setToday] = useState(() => todayIn(site.timezone));
  const { status, version, retry } = useLive(site.domain, () => setToday(todayIn(site.timezone)));
  const change = (part: Partial<View>) =>
    go(`/${encodeURIComponent(site.domain)}${viewSearch({ ...view, ...part })}`, { keepScroll: true });
  useShortcuts(view, change);

  const key = JSON.stringify([site.domain, today, view.period, view.compare, view.filters, view.interval]);
  const loaded = useLoad(key, version, (signal) => loadOverview(site.domain, view, today, signal));
  const toggle = (dimension: string, value: string) =>
    change({ filters: toggled(view.filters, dimension, value) });
  return (
    <div class="mx-auto flex max-w-[76rem] flex-col gap-4 px-3 pb-10 sm:px-6">
      <div class="top-0 z-20 -mx-3 flex flex-wrap items-center gap-x-4 gap-y-2 bg-canvas px-3 py-3 sm:sticky sm:-mx-6 sm:px-6">
        <h1 class="sr-only">{site.domain}</h1>
        <SitePicker current={site.domain} />
        <NowPill status={status} />
        <div class="ml-auto min-w-0 max-sm:w-full">
          <RangePicker
            period={view.period}
            compare={view.compare}
            today={today}
            onPeriod={(period) => change({ period, interval: null })}
            onCompare={(compare) => change({ compare })}
          />
        </div>
      </div>
      <FilterBar filters={view.filters} onChange={(filters) => change({ filters })} />
      <OverviewCard site={site} view={view} today={today} loaded={loaded} onChange={change} />
      <div class="grid gap-4 lg:grid-cols-6">
        {PANELS.map((spec) => (
          <Panel
            key={spec.name}
            spec={spec}
            site={site.domain}
            view={view}
            today={today}
            version={version}
            total={loaded.data?.totals.visitors}
            onFilter={toggle}
          />
        ))}
      </div>
      <Foot status={status} zone={site.timezone} failed={loaded.data ? loaded.error : null} />
      <OfflineNote status={status} zone={site.timezone} onRetry={retry} />
    </div>
  );
}

function useShortcuts(view: View, change: (part: Partial<View>) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.shiftKey || event.defaultPrevented) return;
      if ((event.target as Element).closest?.("input, select, textarea, dialog")) return;
      const found = PERIODS.find((period) => period.key === event.key.toLowerCase());
      if (found) change({ period: { name: found.name }, interval: null });
      if (event.key.toLowerCase() === "x") change({ compare: !view.compare });
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

type OverviewProps = {
  site: Site;
  view: View;
  today: string;
  loaded: ReturnType<typeof useLoad<Overview>>;
  onChange: (part: Partial<View>) => void;
};

function OverviewCard({ site, view, today, loaded, onChange }: OverviewProps) {
  const { data, error } = loaded;
  return (
    <section class="card" aria-label="Overview" aria-busy={!data}>
      <Headline
        overview={data}
        metric={view.metric}
        compare={view.compare}
        onMetric={(metric) => onChange({ metric })}
      />
      <div class={`px-3 pt-3 pb-2 transition-opacity sm:px-5 ${loaded.stale && data ? "opacity-60" : ""}`}>
        <div class="flex h-9 items-center justify-between gap-3 text-[0.8125rem] text-soft">
          {data ? <Legend data={data} view={view} today={today} /> : <Skeleton class="h-4 w-40" />}
          {data && data.intervals.length > 1 && (
            <IntervalChoice data={data} onChange={(interval) => onChange({ interval })} />
          )}
        </div>
        <div class="h-72">
          {error && !data ? (
            <Failure text={errorText(error)} onRetry={loaded.retry} />
          ) : data ? (
            <Chart
              metric={view.metric}
              interval={data.interval}
              labels={data.series.labels}
              values={untilNow(
                data.series.labels,
                data.series.values[view.metric] ?? [],
                localTime(site.timezone),
              )}
              current={currentBucket(data.series.labels, data.interval, localTime(site.timezone))}
              previous={data.previous}
              onZoom={(from, to) =>
                onChange({
                  period: { name: "custom", from: from.slice(0, 10), to: to.slice(0, 10) },
                  interval: null,
                })
              }
            />
          ) : (
            <Skeleton class="h-64 w-full opacity-60" />
          )}
        </div>
      </div>
    </section>
  );
}

function Legend({ data, view, today }: { data: Overview; view: View; today: string }) {
  return (
    <p class="flex min-w-0 items-center gap-x-4 truncate">
      <span class="flex items-center gap-2">
        <span class="h-0.5 w-4 rounded bg-accent" />
        <span>
          <span class="max-sm:hidden">{METRIC_NAMES[view.metric]}, </span>
          {daysText(data.from, data.to, today)}
        </span>
      </span>
      {data.previous && (
        <span class="flex items-center gap-2">
          <Dashes />
          <span class="max-sm:hidden">Previous period</span>
          <span class="sm:hidden">Before</span>
        </span>
      )}
    </p>
  );
}

function IntervalChoice({ data, onChange }: { data: Overview; onChange: (interval: Interval) => void }) {
  return (
    <label class="flex shrink-0 items-center gap-1.5">
      by
      <select
        class="h-8 rounded-md bg-transparent pr-1 font-medium text-ink"
        value={data.interval}
        onChange={(event) => onChange(event.currentTarget.value as Interval)}
      >
        {data.intervals.map((interval) => (
          <option key={interval} value={interval}>
            {interval}
          </option>
        ))}
      </select>
    </label>
  );
}

function NowPill({ status }: { status: Signal<LiveStatus> }) {
  const { state, visitors_now: count } = status.value;
  return (
    <Term text={VISITORS_NOW} class="flex h-9 items-center gap-2.5 px-1" plain>
      <span class={`live-dot ${state === "live" ? "" : "is-off"}`} />
      <span class="tabular-nums">
        {count === undefined ? (
          <span class="text-soft">{state === "connecting" ? "Connecting" : "Offline"}</span>
        ) : (
          <>
            <strong class="font-semibold">{full(count)}</strong>{" "}
            <span class="text-soft">
              <span class="max-sm:hidden">{count === 1 ? "visitor" : "visitors"} right </span>now
            </span>
          </>
        )}
      </span>
    </Term>
  );
}

function Foot({ status, zone, failed }: { status: Signal<LiveStatus>; zone: string; failed: unknown }) {
  const { state, complete_until: until, pending } = status.value;
  return (
    <p class="min-h-6 text-center text-[0.8125rem] text-soft">
      {until && `Figures complete until ${clockText(until, zone)}`}
      {pending ? `, ${full(pending)} events on their way` : ""}
      {until && state === "live" && " · updates by itself"}
      {until ? " · " : ""}days in {zone.replaceAll("_", " ")}
      {failed ? <span class="block text-bad">The last refresh failed: {errorText(failed)}</span> : null}
    </p>
  );
}

interface Offline {
  status: Signal<LiveStatus>;
  zone: string;
  onRetry: () => void;
}

function OfflineNote({ status, zone, onRetry }: Offline) {
  const { state, complete_until: until } = status.value;
  if (state !== "offline") return null;
  return (
    <div
      role="status"
      class="float appear fixed inset-x-3 bottom-3 z-40 mx-auto flex max-w-md items-center gap-3 px-4 py-3 text-[0.875rem]"
    >
      <span class="live-dot is-off shrink-0" />
      <span class="grow">
        Connection lost, trying again.
        {until && <span class="block text-soft">Figures complete until {clockText(until, zone)}.</span>}
      </span>
      <button type="button" class="button-quiet" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}
