import { Icon } from "./icon";

/** Whether all is as it should be, in a word or two beside a screen's title. */
export function Verdict({ good, text }: { good: boolean; text: string }) {
  return (
    <span
      role="status"
      class={`inline-flex shrink-0 items-center gap-1.5 rounded-full border border-line bg-surface px-3 py-1 text-[0.875rem] font-semibold ${
        good ? "text-good" : "text-bad"
      }`}
    >
      <Icon name={good ? "check" : "alert"} />
      {text}
    </span>
  );
}
