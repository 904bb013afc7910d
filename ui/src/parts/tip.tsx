// One tooltip for the whole page: on hover and on keyboard focus, gone with Escape. Its text is also the
// element's description for screen readers, which read it without waiting for the bubble.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

type Shown = { text: string; anchor: Element };
const shown = signal<Shown | null>(null);

function hide(anchor: EventTarget | null): void {
  if (shown.value && shown.value.anchor === anchor) shown.value = null;
}

export function useTip(text: string) {
  const id = useId();
  const show = (event: Event) => {
    shown.value = { text, anchor: event.currentTarget as Element };
  };
  return {
    props: {
      "aria-describedby": id,
      onPointerEnter: (event: PointerEvent) => event.pointerType !== "touch" && show(event),
      onPointerLeave: (event: Event) => hide(event.currentTarget),
      onFocus: (event: Event) => (event.currentTarget as Element).matches(":focus-visible") && show(event),
      onBlur: (event: Event) => hide(event.currentTarget),
    },
    description: (
      <span id={id} hidden>
        {text}
      </span>
    ),
  };
}

const UNDERLINE = "underline decoration-edge decoration-dotted underline-offset-4";

/** A word with its definition. Focusable, so that the definition can be reached without a mouse. */
export function Term({
  text,
  children,
  class: className = "",
  plain = false,
}: {
  text: string;
  children: ComponentChildren;
  class?: string;
  plain?: boolean;
}) {
  const tip = useTip(text);
  return (
    <button
      type="button"
      class={`cursor-help rounded ${plain ? "" : UNDERLINE} ${className}`}
      {...tip.props}
      onClick={(event) => {
        shown.value = shown.value ? null : { text, anchor: event.currentTarget };
      }}
    >
      {children}
      {tip.description}
    </button>
  );
}

export function TipLayer() {
  const bubble = useRef<HTMLDivElement>(null);
  const current = shown.value;
  useLayoutEffect(() => {
    if (!current || !bubble.current) return;
    place(bubble.current, current.anchor);
    const close = (event: Event) => {
      if (!(event instanceof KeyboardEvent) || event.key === "Escape") shown.value = null;
    };
    addEventListener("scroll", close, { passive: true, capture: true });
    addEventListener("keydown", close);
    return () => {
      removeEventListener("scroll", close, { capture: true });
      removeEventListener("keydown", close);
    };
  }, [current]);
  if (!current) return null;
  return (
    <div
      ref={bubble}
      popover="manual"
      aria-hidden="true"
      class="pointer-events-none fixed m-0 w-max max-w-72 rounded-lg bg-ink px-3 py-2 text-[0.8125rem] leading-snug text-canvas shadow-float"
    >
      {current.text}
    </div>
  );
}

/** In the top layer, so that it also shows above a dialog. */
function place(bubble: HTMLElement, anchor: Element): void {
  bubble.showPopover?.();
  const at = anchor.getBoundingClientRect();
  const size = bubble.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 8);
  const below = at.bottom + 8;
  const top = below + size.height > innerHeight - 8 ? at.top - size.height - 8 : below;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${Math.max(8, top)}px`;
}
