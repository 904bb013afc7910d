const WIDTH = 300;
const HEIGHT = 80;
const TOP = 10;

/** The shape of a day, without figures: those are beside it. */
export function Sparkline({ values }: { values: (number | null)[] }) {
  const line = sparkPath(values.map((value) => value ?? 0));
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      class="size-full text-accent"
      aria-hidden="true"
    >
      <path d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} fill="currentColor" opacity="0.1" />
      <path
        d={line}
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        vector-effect="non-scaling-stroke"
        stroke-linejoin="round"
      />
    </svg>
  );
}

export function sparkPath(values: number[]): string {
  const max = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, at) => {
    const y = HEIGHT - 2 - (value / max) * (HEIGHT - TOP - 2);
    return `${round(at * step)} ${round(y)}`;
  });
  return `M${points.join("L") || `0 ${HEIGHT - 2}`}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
