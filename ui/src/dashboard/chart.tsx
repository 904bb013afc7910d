import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { METRIC_NAMES } from "../definitions";
import { bucketLong, bucketShort, type Metric, metricText } from "../format";
import type { Interval } from "../period";
import { isDark } from "../theme";
import type { Series } from "./overview";
import { labelPlaces, stepsOf } from "./steps";

export type ChartProps = {
  metric: Metric;
  interval: Interval;
  labels: string[];
  values: (number | null)[];
  /** The bucket that is still filling, or -1. */
  current: number;
  previous: Series | null;
  /** A range of buckets was drawn with the pointer. */
  onZoom?: (from: string, to: string) => void;
};

const HEIGHT_PX = 288;

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [place, setCursor] = useState<{ at: number; left: number } | null>(null);
  const dark = isDark.value;
  const { metric, interval, labels, values, previous } = props;
  const count = labels.length;
  // The line may have become shorter since the pointer last moved.
  const cursor = place && place.at < count ? place : null;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const chart = new uPlot(options(latest, setCursor, element.clientWidth), dataOf(latest.current), element);
    plot.current = chart;
    const observer = new ResizeObserver(() =>
      chart.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
      setCursor(null);
    };
  }, [metric, interval, count, dark]);

  useEffect(() => plot.current?.setData(dataOf(latest.current)), [values, previous]);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count }[event.key];
    if (step === undefined || !plot.current) return;
    event.preventDefault();
    const from = cursor?.at ?? (step > 0 ? -1 : count);
    const at = Math.min(count - 1, Math.max(0, from + step));
    plot.current.setCursor({ left: plot.current.valToPos(at, "x"), top: 20 });
  };

  return (
    <div class="relative">
      {/* biome-ignore lint/a11y/useSemanticElements: a drawn chart that arrow keys walk through */}
      <div
        ref={box}
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk through the points
        tabIndex={0}
        aria-label={`${METRIC_NAMES[metric]} by ${interval}. Arrow keys read single values; a table follows.`}
        onKeyDown={move}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
        class="h-72 w-full rounded-lg"
      />
      {cursor && (
        <Bubble {...props} at={cursor.at} left={cursor.left} width={box.current?.clientWidth ?? 0} />
      )}
      <p class="sr-only" aria-live="polite">
        {cursor &&
          `${bucketLong(labels[cursor.at] ?? "", interval)}: ${metricText(metric, values[cursor.at])}`}
      </p>
      <ChartTable {...props} />
    </div>
  );
}

function Bubble({
  metric,
  interval,
  labels,
  values,
  current,
  previous,
  at,
  left,
  width,
}: ChartProps & { at: number; left: number; width: number }) {
  const before = previous?.labels[at];
  const toTheLeft = left > width / 2;
  return (
    <div
      aria-hidden="true"
      class="float pointer-events-none absolute top-3 z-10 min-w-40 px-3 py-2 text-[0.8125rem]"
      style={toTheLeft ? { right: `${width - left + 14}px` } : { left: `${left + 14}px` }}
    >
      <div class="flex items-center justify-between gap-5">
        <span class="flex items-center gap-2 text-soft">
          <span class="h-0.5 w-4 shrink-0 rounded bg-accent" />
          {bucketLong(labels[at] ?? "", interval)}
          {at === current && " so far"}
        </span>
        <strong class="font-semibold tabular-nums">{metricText(metric, values[at])}</strong>
      </div>
      {previous && before !== undefined && (
        <div class="mt-1 flex items-center justify-between gap-5 text-soft">
          <span class="flex items-center gap-2">
            <Dashes />
            {bucketLong(before, interval)}
          </span>
          <span class="tabular-nums">{metricText(metric, previous.values[metric]?.[at])}</span>
        </div>
      )}
    </div>
  );
}

/** The mark of the previous period, as it is drawn in the chart. */
export function Dashes() {
  return (
    <svg width="16" height="2" class="shrink-0 text-edge" aria-hidden="true">
      <path d="M0 1h16" stroke="currentColor" stroke-width="2" stroke-dasharray="4 2" />
    </svg>
  );
}

function ChartTable({ metric, interval, labels, values, previous }: ChartProps) {
  return (
    <div class="sr-only">
      <table>
        <caption>
          {METRIC_NAMES[metric]} by {interval}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">{METRIC_NAMES[metric]}</th>
            {previous && <th scope="col">Previous period</th>}
          </tr>
        </thead>
        <tbody>
          {labels.map((label, at) => (
            <tr key={`${label} ${at}`}>
              <th scope="row">{bucketLong(label, interval)}</th>
              <td>{metricText(metric, values[at])}</td>
              {previous && <td>{metricText(metric, previous.values[metric]?.[at])}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The bucket that is still filling hangs on the line by dashes: a day half over is no drop. */
function dataOf({ metric, labels, values, current, previous }: ChartProps): uPlot.AlignedData {
  const before = previous?.values[metric] ?? [];
  const split = current > 0;
  const whole = split ? values.map((value, at) => (at < current ? value : null)) : values;
  const filling = values.map((value, at) => (split && (at === current - 1 || at === current) ? value : null));
  return [labels.map((_, at) => at), labels.map((_, at) => before[at] ?? null), whole, filling];
}

type Latest = { current: ChartProps };
type SetCursor = (cursor: { at: number; left: number } | null) => void;

function options(latest: Latest, setCursor: SetCursor, width: number): uPlot.Options {
  const { metric, interval, labels } = latest.current;
  const color = (name: string) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const accent = color("accent");
  const font = "12px ui-sans-serif, system-ui, sans-serif";
  const ticks = (u: uPlot) => stepsOf(highest(u), metric);
  const last = Math.max(labels.length - 1, 1);
  const paths = uPlot.paths.spline?.();
  return {
    width,
    height: HEIGHT_PX,
    padding: [12, 14, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      // The line stands on the point that the bubble speaks of.
      move: (u, left, top) => [left < 0 ? left : u.valToPos(u.posToIdx(left), "x"), top],
      points: { size: 9, width: 2, fill: () => accent, stroke: () => color("surface") },
      drag: { x: Boolean(latest.current.onZoom) && interval !== "hour", y: false, setScale: false },
    },
    scales: {
      x: { time: false, range: () => [0, last] },
      y: { range: (u) => [0, ticks(u).at(-1) ?? 1] },
    },
    axes: [
      {
        stroke: color("soft"),
        font,
        size: 34,
        gap: 8,
        grid: { show: false },
        ticks: { show: false },
        splits: (u) => labelPlaces(labels.length, u.bbox.width / devicePixelRatio),
        values: (_, places) => places.map((at) => bucketShort(labels[at] ?? "", interval)),
      },
      {
        stroke: color("soft"),
        font,
        size: metric === "visit_duration" ? 64 : 52,
        gap: 8,
        grid: { stroke: color("line"), width: 1 },
        ticks: { show: false },
        splits: ticks,
        values: (_, places) => places.map((value) => metricText(metric, value)),
      },
    ],
    series: [
      {},
      { stroke: color("edge"), width: 1.5, dash: [5, 5], paths, points: { show: false } },
      {
        stroke: accent,
        width: 2.25,
        fill: (u) => shade(u, accent),
        paths,
        points: { show: labels.length === 1, size: 8, fill: accent },
      },
      { stroke: accent, width: 2.25, dash: [2, 5], cap: "round", points: { show: false } },
    ],
    hooks: {
      setCursor: [
        (u) => {
          const at = u.cursor.idx;
          const hidden = at === null || at === undefined || (u.cursor.left ?? -1) < 0;
          setCursor(hidden ? null : { at, left: u.valToPos(at, "x") + u.bbox.left / devicePixelRatio });
        },
      ],
      setSelect: [(u) => zoom(u, latest.current)],
    },
  };
}

function highest(u: uPlot): number {
  let max = 0;
  for (const series of u.data.slice(1)) for (const value of series) if (value && value > max) max = value;
  return max;
}

function shade(u: uPlot, accent: string): CanvasGradient {
  const gradient = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height);
  gradient.addColorStop(0, `${accent}38`);
  gradient.addColorStop(1, `${accent}00`);
  return gradient;
}

function zoom(u: uPlot, { labels, onZoom }: ChartProps): void {
  if (u.select.width < 12) return;
  const from = labels[Math.max(0, u.posToIdx(u.select.left))];
  const to = labels[Math.min(labels.length - 1, u.posToIdx(u.select.left + u.select.width))];
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (from && to) onZoom?.(from, to);
}
