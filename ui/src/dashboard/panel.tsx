import { useState } from "preact/hooks";
import { api, errorText, type QueryAnswer } from "../api";
import { PANEL_MEANINGS } from "../definitions";
import { type Filter, isSelected, valueText } from "../filters";
import { compact, full, type Metric, share } from "../format";
import { useLoad } from "../load";
import { Flag } from "../parts/flag";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { MenuItem, Popover } from "../parts/popover";
import { useTip } from "../parts/tip";
import type { View } from "../view";
import { Details } from "./details";
import { baseQuery } from "./overview";

export type Tab = { label: string; dimension: string };
export type PanelSpec = {
  name: string;
  tabs: Tab[];
  more?: { label: string; tabs: Tab[] };
  empty: string;
  rows: number;
};

export const PANELS: PanelSpec[] = [
  {
    name: "Pages",
    rows: 9,
    empty: "No page was seen in this period.",
    tabs: [
      { label: "Pages", dimension: "event:page" },
      { label: "Entry", dimension: "visit:entry_page" },
      { label: "Exit", dimension: "visit:exit_page" },
      { label: "Hosts", dimension: "event:hostname" },
    ],
  },
  {
    name: "Sources",
    rows: 9,
    empty: "No visit in this period. Links that carry utm_source or ref show up here by name.",
    tabs: [
      { label: "Sources", dimension: "visit:source" },
      { label: "Channels", dimension: "visit:channel" },
      { label: "Referrers", dimension: "visit:referrer" },
    ],
    more: {
      label: "UTM",
      tabs: [
        { label: "UTM source", dimension: "visit:utm_source" },
        { label: "UTM medium", dimension: "visit:utm_medium" },
        { label: "UTM campaign", dimension: "visit:utm_campaign" },
        { label: "UTM content", dimension: "visit:utm_content" },
        { label: "UTM term", dimension: "visit:utm_term" },
      ],
    },
  },
  {
    name: "Countries",
    rows: 7,
    empty: "No visitor from a known country in this period.",
    tabs: [{ label: "Countries", dimension: "visit:country" }],
  },
  {
    name: "Devices",
    rows: 7,
    empty: "No visit in this period.",
    tabs: [
      { label: "Devices", dimension: "visit:device" },
      { label: "Browsers", dimension: "visit:browser" },
      { label: "Systems", dimension: "visit:os" },
    ],
  },
  {
    name: "Events",
    rows: 7,
    empty: "No custom event in this period. Send one from any page with",
    tabs: [{ label: "Events", dimension: "event:name" }],
  },
];

type Props = {
  spec: PanelSpec;
  site: string;
  view: View;
  today: string;
  version: number;
  total: number | null | undefined;
  onFilter: (dimension: string, value: string) => void;
};

/** Page views are events too, but not ones that somebody named; a visit without a parameter is no row of it. */
const LEFT_OUT: [RegExp, string[]][] = [
  [/^event:name$/, ["pageview", "engagement"]],
  [/^visit:(utm_.*|referrer)$/, ["", "(not set)"]],
];

export function leftOut(dimension: string): string[] {
  return LEFT_OUT.find(([dimensions]) => dimensions.test(dimension))?.[1] ?? [];
}

export function panelMetrics(dimension: string): Metric[] {
  return dimension === "event:name" ? ["events", "visitors"] : ["visitors"];
}

export function Panel(props: Props) {
  const { spec, site, view, today, version } = props;
  const [dimension, setDimension] = useState(spec.tabs[0]?.dimension ?? "");
  const [open, setOpen] = useState(false);
  const metrics = panelMetrics(dimension);
  const body = {
    ...baseQuery(site, view, today),
    metrics,
    dimensions: [dimension],
    include: { total_rows: true },
    pagination: { limit: spec.rows + leftOut(dimension).length, offset: 0 },
  };
  const loaded = useLoad(JSON.stringify(body), version, (signal) => api.query(body, signal));
  const tab = [...spec.tabs, ...(spec.more?.tabs ?? [])].find((one) => one.dimension === dimension);
  return (
    <section
      class={`card flex min-w-0 flex-col ${spec.rows > 8 ? "lg:col-span-3" : "lg:col-span-2"}`}
      aria-label={spec.name}
    >
      <header class="flex items-center justify-between gap-2 px-4 pt-2.5 sm:px-5">
        <Tabs spec={spec} dimension={dimension} onChange={setDimension} />
        <span class="shrink-0 text-[0.8125rem] text-soft max-sm:sr-only">
          {metrics[0] === "events" ? "Events, % of visitors" : "Visitors"}
        </span>
      </header>
      <Rows {...props} dimension={dimension} loaded={loaded} />
      <footer class="flex h-11 items-center justify-center border-t border-line">
        <button
          type="button"
          class="button-bare text-[0.8125rem] font-medium"
          onClick={() => setOpen(true)}
          aria-label={`Details of ${tab?.label}`}
        >
          <Icon name="more" /> Details
        </button>
      </footer>
      {open && tab && <Details {...props} tab={tab} onClose={() => setOpen(false)} />}
    </section>
  );
}

function Tabs({
  spec,
  dimension,
  onChange,
}: {
  spec: PanelSpec;
  dimension: string;
  onChange: (d: string) => void;
}) {
  const inMore = spec.more?.tabs.find((tab) => tab.dimension === dimension);
  return (
    <div class="-ml-2 flex min-w-0 items-center">
      {spec.tabs.map((tab) => (
        <TabButton
          key={tab.dimension}
          tab={tab}
          active={tab.dimension === dimension}
          onClick={() => onChange(tab.dimension)}
        />
      ))}
      {spec.more && (
        <Popover
          label={`${spec.more.label}: choose a parameter`}
          buttonClass={`${TAB} flex items-center gap-1 ${inMore ? ACTIVE : "text-soft"}`}
          panelClass="w-48 max-sm:right-0 max-sm:left-auto"
          button={
            <>
              {inMore ? inMore.label.replace("UTM ", "utm_") : spec.more.label}
              <Icon name="chevron" size={14} />
            </>
          }
        >
          {(close) =>
            spec.more?.tabs.map((tab) => (
              <MenuItem
                key={tab.dimension}
                active={tab.dimension === dimension}
                onClick={() => {
                  onChange(tab.dimension);
                  close();
                }}
              >
                {tab.label}
              </MenuItem>
            ))
          }
        </Popover>
      )}
    </div>
  );
}

const TAB = "h-9 rounded-lg px-2 text-[0.875rem] whitespace-nowrap transition-colors hover:text-ink";
const ACTIVE = "font-semibold text-ink";

function TabButton({ tab, active, onClick }: { tab: Tab; active: boolean; onClick: () => void }) {
  const tip = useTip(PANEL_MEANINGS[tab.dimension] ?? "");
  return (
    <button
      type="button"
      aria-pressed={active}
      class={`${TAB} ${active ? ACTIVE : "text-soft"}`}
      onClick={onClick}
      {...tip.props}
    >
      {tab.label}
      {tip.description}
    </button>
  );
}

type RowsProps = Props & { dimension: string; loaded: ReturnType<typeof useLoad<QueryAnswer>> };

function Rows({ spec, dimension, loaded, view, total, onFilter }: RowsProps) {
  const rows = (loaded.data?.results ?? [])
    .filter((row) => !leftOut(dimension).includes(row.dimensions[0] ?? ""))
    .slice(0, spec.rows);
  const top = Math.max(1, ...rows.map((row) => row.metrics[0] ?? 0));
  // The height of a full panel, whatever is in it: nothing below moves when figures arrive.
  const height = { minHeight: `${spec.rows * 2.25 + 1}rem` };
  if (loaded.error && (loaded.stale || !loaded.data)) {
    return (
      <div style={height} class="grid place-items-center">
        <Failure text={errorText(loaded.error)} onRetry={loaded.retry} />
      </div>
    );
  }
  if (!loaded.data) return <RowSkeletons count={spec.rows} height={height} />;
  if (rows.length === 0)
    return <Empty spec={spec} dimension={dimension} filters={view.filters} height={height} />;
  return (
    <ul style={height} class={`px-2 py-2 transition-opacity sm:px-3 ${loaded.stale ? "opacity-50" : ""}`}>
      {rows.map((row) => (
        <Row
          key={row.dimensions[0]}
          dimension={dimension}
          value={row.dimensions[0] ?? ""}
          count={row.metrics[0] ?? 0}
          visitors={row.metrics.at(-1) ?? 0}
          top={top}
          total={total ?? 0}
          selected={isSelected(view.filters, dimension, row.dimensions[0] ?? "")}
          onFilter={onFilter}
        />
      ))}
    </ul>
  );
}

type RowProps = {
  dimension: string;
  value: string;
  count: number;
  visitors: number;
  top: number;
  total: number;
  selected: boolean;
  onFilter: (dimension: string, value: string) => void;
};

function Row({ dimension, value, count, visitors, top, total, selected, onFilter }: RowProps) {
  const text = valueText(dimension, value);
  const part = total > 0 ? share(visitors, total) : "";
  return (
    <li class="py-px">
      <button
        type="button"
        aria-pressed={selected}
        aria-label={`${text}: ${full(count)}, ${part} of visitors. ${selected ? "Remove filter" : "Filter by it"}`}
        title={`${text}: ${full(count)}`}
        onClick={() => onFilter(dimension, value)}
        class="group relative flex h-[2.125rem] w-full items-center gap-3 rounded-lg px-2 text-left hover:bg-tint focus-visible:outline-offset-[-2px]"
      >
        <span
          class={`row-bar absolute inset-y-0.5 left-0 rounded-md ${selected ? "bg-accent/30" : "bg-bar"}`}
          style={{ width: `${Math.max(0.75, (100 * count) / top)}%` }}
        />
        <span class="relative min-w-0 grow truncate">
          {dimension === "visit:country" && <Flag code={value} />}
          {text}
        </span>
        <span class="relative shrink-0 font-medium tabular-nums">{compact(count)}</span>
        <span class="relative w-12 shrink-0 text-right text-[0.8125rem] text-soft tabular-nums">{part}</span>
      </button>
    </li>
  );
}

function RowSkeletons({ count, height }: { count: number; height: Record<string, string> }) {
  return (
    <div style={height} class="px-4 py-2 sm:px-5" aria-busy="true">
      {Array.from({ length: count }, (_, at) => (
        <div key={at} class="flex h-9 items-center" style={{ width: `${88 - at * 8}%` }}>
          <Skeleton class="h-4 w-full" />
        </div>
      ))}
    </div>
  );
}

type EmptyProps = { spec: PanelSpec; dimension: string; filters: Filter[]; height: Record<string, string> };

function Empty({ spec, dimension, filters, height }: EmptyProps) {
  const utm = dimension.startsWith("visit:utm_") ? dimension.slice("visit:".length) : null;
  return (
    <div style={height} class="grid place-items-center px-8 py-6 text-center text-soft">
      <p class="max-w-sm">
        {filters.length > 0 ? "Nothing matches these filters in this period." : null}
        {filters.length === 0 && utm
          ? `No visit came with ${utm}. Add it to the links that you share.`
          : null}
        {filters.length === 0 && !utm ? spec.empty : null}
        {filters.length === 0 && dimension === "event:name" && (
          <code class="mt-2 block font-mono text-[0.8125rem] text-ink">weir.track("signup")</code>
        )}
      </p>
    </div>
  );
}
