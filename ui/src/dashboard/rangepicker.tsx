import { useState } from "preact/hooks";
import { daysText } from "../format";
import { Icon } from "../parts/icon";
import { MenuItem, Popover } from "../parts/popover";
import { daysOf, isDate, PERIODS, type Period, shifted } from "../period";

type Props = {
  period: Period;
  compare: boolean;
  today: string;
  onPeriod: (period: Period) => void;
  onCompare: (compare: boolean) => void;
};

export function periodLabel(period: Period, today: string): string {
  const known = PERIODS.find((one) => one.name === period.name);
  if (known) return known.label;
  if (period.name === "custom") return daysText(period.from, period.to, today);
  return period.name === "6mo" ? "Last 6 months" : "Last 28 days";
}

export function RangePicker({ period, compare, today, onPeriod, onCompare }: Props) {
  const before = shifted(period, today, -1);
  const after = shifted(period, today, 1);
  return (
    <div class="flex min-w-0 items-center gap-1">
      <button
        type="button"
        class="button-quiet w-9 shrink-0 px-0"
        aria-label="Previous period"
        disabled={!before}
        onClick={() => before && onPeriod(before)}
      >
        <Icon name="left" />
      </button>
      <Popover
        label={`Period: ${periodLabel(period, today)}`}
        align="right"
        panelClass="w-76 max-w-[calc(100vw-1.5rem)] max-sm:-right-11"
        rootClass="max-sm:grow"
        buttonClass="button-quiet w-full"
        button={
          <>
            <Icon name="calendar" class="text-soft" />
            <span class="truncate max-sm:grow max-sm:text-left">{periodLabel(period, today)}</span>
            <Icon name="chevron" size={14} class="text-soft" />
          </>
        }
      >
        {(close) => (
          <>
            {PERIODS.map((one) => (
              <MenuItem
                key={one.name}
                hint={one.key.toUpperCase()}
                active={one.name === period.name}
                onClick={() => {
                  onPeriod({ name: one.name });
                  close();
                }}
              >
                {one.label}
              </MenuItem>
            ))}
            <CustomRange
              period={period}
              today={today}
              onApply={(chosen) => {
                onPeriod(chosen);
                close();
              }}
            />
            <label class="mt-1 flex items-center gap-2.5 border-t border-line px-2.5 pt-2.5 pb-1.5">
              <input
                type="checkbox"
                class="size-4 accent-accent"
                checked={compare}
                onChange={(event) => onCompare(event.currentTarget.checked)}
              />
              <span class="grow">Compare with previous period</span>
              <kbd class="font-mono text-xs text-soft">X</kbd>
            </label>
          </>
        )}
      </Popover>
      <button
        type="button"
        class="button-quiet w-9 shrink-0 px-0"
        aria-label="Next period"
        disabled={!after}
        onClick={() => after && onPeriod(after)}
      >
        <Icon name="right" />
      </button>
    </div>
  );
}

type CustomProps = { period: Period; today: string; onApply: (period: Period) => void };

function CustomRange({ period, today, onApply }: CustomProps) {
  const shown = daysOf(period, today);
  const [from, setFrom] = useState(shown?.from ?? today);
  const [to, setTo] = useState(shown?.to ?? today);
  const valid = isDate(from) && isDate(to) && from <= to && to <= today;
  return (
    <form
      class="mt-1 border-t border-line px-2.5 pt-2.5 pb-1"
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) onApply({ name: "custom", from, to });
      }}
    >
      <div class="grid grid-cols-2 gap-2">
        <label class="text-[0.8125rem] text-soft">
          From
          <input
            type="date"
            class="field mt-0.5 min-h-9 px-1.5 text-[0.8125rem] text-ink"
            value={from}
            max={today}
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
        </label>
        <label class="text-[0.8125rem] text-soft">
          To
          <input
            type="date"
            class="field mt-0.5 min-h-9 px-1.5 text-[0.8125rem] text-ink"
            value={to}
            max={today}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
        </label>
      </div>
      <button type="submit" class="button-quiet mt-2 w-full" disabled={!valid}>
        Show these days
      </button>
    </form>
  );
}
