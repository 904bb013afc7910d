import { dimensionName, type Filter, filterText, inverted, OPERATIONS } from "../filters";
import { Icon } from "../parts/icon";

/** Chips for what the figures are limited to. A click on the words turns "is" into "is not". */
export function FilterBar({
  filters,
  onChange,
}: {
  filters: Filter[];
  onChange: (filters: Filter[]) => void;
}) {
  if (filters.length === 0) return null;
  return (
    <ul class="flex flex-wrap items-center gap-2" aria-label="Filters">
      {filters.map((filter) => {
        const name = dimensionName(filter.dimension);
        const text = filterText(filter);
        return (
          <li
            key={`${filter.op} ${filter.dimension} ${text}`}
            class="appear flex max-w-full min-w-0 items-center rounded-full border border-line bg-surface text-[0.875rem]"
          >
            <button
              type="button"
              class="min-w-0 truncate rounded-l-full py-1.5 pl-3.5 hover:text-accent"
              title="Turn the filter round"
              onClick={() => onChange(filters.map((one) => (one === filter ? inverted(one) : one)))}
            >
              <span class="text-soft">
                {name} {OPERATIONS[filter.op]}
              </span>{" "}
              <span class="font-semibold">{text}</span>
            </button>
            <button
              type="button"
              class="grid size-8 shrink-0 place-items-center rounded-full text-soft hover:text-ink"
              aria-label={`Remove filter ${name} ${OPERATIONS[filter.op]} ${text}`}
              onClick={() => onChange(filters.filter((one) => one !== filter))}
            >
              <Icon name="close" size={13} />
            </button>
          </li>
        );
      })}
      {filters.length > 1 && (
        <li>
          <button type="button" class="button-bare text-[0.875rem]" onClick={() => onChange([])}>
            Clear all
          </button>
        </li>
      )}
    </ul>
  );
}
