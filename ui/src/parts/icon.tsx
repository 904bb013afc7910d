const PATHS = {
  chevron: "M5 7.5l5 5 5-5",
  left: "M12 5l-5 5 5 5",
  right: "M8 5l5 5-5 5",
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  close: "M5.5 5.5l9 9m0-9l-9 9",
  plus: "M10 4.5v11M4.5 10h11",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zm4-1.5l4 4",
  sun: "M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM10 2.5v1.3m0 12.4v1.3M2.5 10h1.3m12.4 0h1.3M4.7 4.7l.9.9m8.8 8.8l.9.9m0-10.6l-.9.9m-8.8 8.8l-.9.9",
  moon: "M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3z",
  person: "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm-6 7c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5",
  calendar: "M4 5.5h12v11H4zM4 9h12M7 3.5v3m6-3v3",
  copy: "M7.5 7.5h8.5v8.5H7.5zM4 12.5V4h8.5",
  more: "M4 6h12M4 10h12M4 14h7",
  up: "M10 15V5.5m-4 4l4-4 4 4",
  down: "M10 5v9.5m-4-4l4 4 4-4",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5m3-4.5v4.5",
  alert: "M10 6.5v4.5m0 2.5v.2M10 3l7.5 13.5h-15z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({
  name,
  size = 16,
  class: className = "",
}: {
  name: IconName;
  size?: number;
  class?: string;
}) {
  return (
    <svg class={`shrink-0 ${className}`} width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.7"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" class="shrink-0">
      <rect width="32" height="32" rx="8" fill="#0b6b80" />
      <g fill="none" stroke-width="3" stroke-linecap="round">
        <path d="M5 11.5h9.5c3.2 0 3.4 9 6.6 9H27" stroke="#fff" />
        <path d="M5 17.5h6.5M5 23.5h9" stroke="#9fdbe6" />
      </g>
    </svg>
  );
}
