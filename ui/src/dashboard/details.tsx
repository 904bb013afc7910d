import { useEffect, useState } from "preact/hooks";
import { api, errorText, type QueryBody, type QueryRow } from "../api";
import { METRIC_NAMES, metricMeaning } from "../definitions";
import { dimensionName, valueText } from "../filters";
import { full, type Metric, metricFull, metricText } from "../format";
import { useLoad } from "../load";
import { Dialog } from "../parts/dialog";
import { Flag } from "../parts/flag";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { useTip } from "../parts/tip";
import type { View } from "../view";
import { baseQuery } from "./overview";
import { leftOut, type Tab } from "./panel";

type Props = {
  site: string;
  view: View;
  today: string;
  version: number;
  tab: Tab;
  onClose: () => void;
  onFilter: (dimension: string, value: string) => void;
};

const PAGE_ROWS = 50;
const ROWS_MAX = 1000;

export function detailMetrics(dimension: string): Metric[] {
  if (dimension === "event:name") return ["events", "visitors"];
  return ["visitors", "visits", "pageviews", "bounce_rate", "visit_duration"];
}

export function Details({ site, view, today, version, tab, onClose, onFilter }: Props) {
  const metrics = detailMetrics(tab.dimension);
  const [order, setOrder] = useState<[Metric, "asc" | "desc"]>([metrics[0] ?? "visitors", "desc"]);
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [limit, setLimit] = useState(PAGE_ROWS);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), 200);
    return () => clearTimeout(timer);
  }, [typed]);

  const base = baseQuery(site, view, today);
  // A country is stored as its code and searched for by its name: all of them fit into one answer.
  const here = tab.dimension === "visit:country";
  const body: QueryBody = {
    ...base,
    filters:
      search && !here
        ? [...(base.filters ?? []), ["contains", tab.dimension, [search], { case_sensitive: false }]]
        : base.filters,
    metrics,
    dimensions: [tab.dimension],
    order_by: [order],
    include: { total_rows: true },
    pagination: { limit: here ? 300 : limit, offset: 0 },
  };
  const loaded = useLoad(JSON.stringify(body), version, (signal) => api.query(body, signal));
  const rows = (loaded.data?.results ?? []).filter((row) => shown(row, tab.dimension, here ? search : ""));
  const total = loaded.data?.meta.total_rows ?? rows.length;
  return (
    <Dialog title={tab.label} onClose={onClose}>
      <div class="flex items-center gap-3 border-b border-line px-4 py-2.5 sm:px-5">
        <Icon name="search" class="text-soft" />
        <input
          type="search"
          class="h-9 w-full rounded bg-transparent outline-offset-4 placeholder:text-soft placeholder:opacity-100"
          placeholder={`Search ${tab.label.toLowerCase()}`}
          aria-label={`Search ${tab.label.toLowerCase()}`}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <span class="shrink-0 text-[0.8125rem] text-soft tabular-nums" role="status">
          {loaded.data ? counted(here ? rows.length : total) : ""}
        </span>
      </div>
      <div class="relative h-[34rem] overflow-auto overscroll-contain">
        {loaded.error ? (
          <Failure text={errorText(loaded.error)} onRetry={loaded.retry} />
        ) : (
          <table
            class={`w-full text-left transition-opacity ${loaded.stale && loaded.data ? "opacity-50" : ""}`}
          >
            <thead class="sticky top-0 z-10 bg-raised text-[0.8125rem] text-soft">
              <tr>
                <th scope="col" class="px-4 py-2 font-medium sm:px-5">
                  {dimensionName(tab.dimension)}
                </th>
                {metrics.map((metric) => (
                  <SortHead
                    key={metric}
                    metric={metric}
                    order={order}
                    severalDays={base.date_range !== "day"}
                    onSort={setOrder}
                  />
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <DetailRow
                  key={row.dimensions[0]}
                  row={row}
                  dimension={tab.dimension}
                  metrics={metrics}
                  onClick={() => {
                    onFilter(tab.dimension, row.dimensions[0] ?? "");
                    onClose();
                  }}
                />
              ))}
            </tbody>
          </table>
        )}
        {!loaded.data && !loaded.error && <DetailSkeleton />}
        {loaded.data && rows.length === 0 && (
          <p class="px-6 py-12 text-center text-soft">
            {search ? `Nothing contains “${search}”.` : "Nothing in this period."}
          </p>
        )}
        {!here && total > limit && limit < ROWS_MAX && rows.length > 0 && (
          <div class="flex justify-center p-4">
            <button
              type="button"
              class="button-quiet"
              onClick={() => setLimit(Math.min(ROWS_MAX, limit * 2))}
            >
              Show more
            </button>
          </div>
        )}
      </div>
    </Dialog>
  );
}

function shown(row: QueryRow, dimension: string, search: string): boolean {
  const value = row.dimensions[0] ?? "";
  if (leftOut(dimension).includes(value)) return false;
  return search === "" || valueText(dimension, value).toLowerCase().includes(search.toLowerCase());
}

type SortProps = {
  metric: Metric;
  order: [Metric, "asc" | "desc"];
  severalDays: boolean;
  onSort: (order: [Metric, "asc" | "desc"]) => void;
};

function SortHead({ metric, order, severalDays, onSort }: SortProps) {
  const tip = useTip(metricMeaning(metric, severalDays));
  const active = order[0] === metric;
  const sort = active ? (order[1] === "desc" ? "descending" : "ascending") : "none";
  return (
    <th scope="col" aria-sort={sort} class={`py-2 pr-4 text-right font-medium whitespace-nowrap sm:pr-5`}>
      <button
        type="button"
        class={`inline-flex items-center gap-1 rounded hover:text-ink ${active ? "text-ink" : ""}`}
        onClick={() => onSort([metric, active && order[1] === "desc" ? "asc" : "desc"])}
        {...tip.props}
      >
        {active && <Icon name={order[1] === "desc" ? "down" : "up"} size={13} />}
        {METRIC_NAMES[metric]}
        {tip.description}
      </button>
    </th>
  );
}

function DetailRow({
  row,
  dimension,
  metrics,
  onClick,
}: {
  row: QueryRow;
  dimension: string;
  metrics: Metric[];
  onClick: () => void;
}) {
  const value = row.dimensions[0] ?? "";
  return (
    <tr class="border-t border-line hover:bg-tint">
      <th scope="row" class="w-full max-w-0 min-w-44 px-4 font-normal sm:px-5">
        <button
          type="button"
          class="flex h-9 w-full min-w-0 items-center gap-2 rounded text-left hover:text-accent"
          onClick={onClick}
          title={`Filter by ${valueText(dimension, value)}`}
        >
          {dimension === "visit:country" && <Flag code={value} />}
          <span class="truncate">{valueText(dimension, value)}</span>
        </button>
      </th>
      {metrics.map((metric, at) => (
        <td
          key={metric}
          title={metricFull(metric, row.metrics[at])}
          class={`pr-4 text-right whitespace-nowrap tabular-nums sm:pr-5`}
        >
          {metricText(metric, row.metrics[at])}
        </td>
      ))}
    </tr>
  );
}

function DetailSkeleton() {
  return (
    <div class="px-5" aria-busy="true">
      {Array.from({ length: 12 }, (_, at) => (
        <div key={at} class="flex h-9 items-center border-t border-line">
          <Skeleton class="h-4 w-full" />
        </div>
      ))}
    </div>
  );
}

function counted(rows: number): string {
  return rows === 1 ? "1 row" : `${full(rows)} rows`;
}
