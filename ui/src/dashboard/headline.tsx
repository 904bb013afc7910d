import { METRIC_NAMES, metricMeaning } from "../definitions";
import { type Change, change, type Metric, metricFull, metricText } from "../format";
import { Icon } from "../parts/icon";
import { Skeleton } from "../parts/notice";
import { useTip } from "../parts/tip";
import { CHART_METRICS } from "../view";
import type { Overview } from "./overview";

type Props = {
  overview: Overview | undefined;
  metric: Metric;
  compare: boolean;
  onMetric: (metric: Metric) => void;
};

export function Headline({ overview, metric, compare, onMetric }: Props) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would announce a form
    <div
      role="group"
      aria-label="Figures of this period; choose one for the chart"
      class="grid grid-cols-2 gap-px overflow-hidden rounded-t-[0.875rem] border-b border-line bg-line sm:grid-cols-3 xl:grid-cols-6"
    >
      {CHART_METRICS.map((name) => (
        <Figure
          key={name}
          metric={name}
          overview={overview}
          compare={compare}
          active={name === metric}
          onClick={() => onMetric(name)}
        />
      ))}
    </div>
  );
}

type FigureProps = {
  metric: Metric;
  overview: Overview | undefined;
  compare: boolean;
  active: boolean;
  onClick: () => void;
};

function Figure({ metric, overview, compare, active, onClick }: FigureProps) {
  const severalDays = overview !== undefined && overview.from !== overview.to;
  const tip = useTip(metricMeaning(metric, severalDays));
  const value = overview?.totals[metric];
  const against = compare && overview ? change(metric, overview.changes[metric]) : null;
  return (
    <button
      type="button"
      aria-pressed={active}
      onClick={onClick}
      class={`relative bg-surface px-4 py-3.5 text-left transition-colors hover:bg-tint focus-visible:z-10 focus-visible:outline-offset-[-3px] sm:px-5 ${
        active ? "after:absolute after:inset-x-0 after:bottom-0 after:h-[3px] after:bg-accent" : ""
      }`}
      {...tip.props}
    >
      <span class={`block text-[0.8125rem] font-medium ${active ? "text-accent" : "text-soft"}`}>
        {METRIC_NAMES[metric]}
      </span>
      <span class="mt-0.5 flex h-9 items-center text-[1.625rem] font-semibold tracking-tight tabular-nums">
        {overview ? (
          <span title={metricFull(metric, value)}>{metricText(metric, value)}</span>
        ) : (
          <Skeleton class="h-6 w-20" />
        )}
      </span>
      <span class="flex h-5 items-center text-[0.8125rem]">{against && <ChangeMark change={against} />}</span>
      {tip.description}
    </button>
  );
}

const TONES = { good: "text-good", bad: "text-bad", neutral: "text-soft" };

export function ChangeMark({ change: { text, spoken, direction, tone } }: { change: Change }) {
  return (
    <span class={`inline-flex items-center gap-0.5 font-medium tabular-nums ${TONES[tone]}`}>
      {direction !== "flat" && <Icon name={direction} size={14} />}
      <span aria-hidden="true">{text}</span>
      <span class="sr-only">{spoken} against the previous period</span>
    </span>
  );
}
