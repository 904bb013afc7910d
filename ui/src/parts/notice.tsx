import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

/** Something went wrong: what, and what can be done about it. */
export function Failure({ text, onRetry }: { text: string; onRetry?: () => void }) {
  return (
    <div role="alert" class="flex flex-col items-center gap-3 px-6 py-8 text-center">
      <Icon name="alert" size={22} class="text-warn" />
      <p class="max-w-md text-soft">{text}</p>
      {onRetry && (
        <button type="button" class="button-quiet" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function FormError({ text }: { text: string | null }) {
  return (
    <p role="alert" class="min-h-6 text-sm text-bad">
      {text}
    </p>
  );
}

export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label class="block cursor-auto">
      <span class="mb-1.5 block font-medium">{label}</span>
      {children}
      {hint && <span class="mt-1.5 block text-sm text-soft">{hint}</span>}
    </label>
  );
}

export function Skeleton({ class: className = "" }: { class?: string }) {
  return <div class={`skeleton ${className}`} aria-hidden="true" />;
}
