// A button that opens a small panel. Escape and a click elsewhere close it, arrow keys walk through it.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

type Props = {
  button: ComponentChildren;
  rootClass?: string;
  buttonClass?: string;
  label: string;
  align?: "left" | "right";
  panelClass?: string;
  children: (close: () => void) => ComponentChildren;
};

const STOPS = "a[href], button:not(:disabled), input, select";

export function Popover({
  button,
  rootClass = "",
  buttonClass = "button-quiet",
  label,
  align = "left",
  panelClass = "",
  children,
}: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };

  // Before the next key can arrive: it belongs to the panel already.
  useLayoutEffect(() => {
    if (!open) return;
    const panel = document.getElementById(id);
    const first =
      panel?.querySelector<HTMLElement>("[aria-current], [aria-pressed=true]") ??
      panel?.querySelector<HTMLElement>(STOPS);
    first?.focus({ preventScroll: true });
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open, id]);

  return (
    <div ref={root} class={`relative min-w-0 ${rootClass}`}>
      <button
        type="button"
        class={buttonClass}
        aria-label={label}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        // biome-ignore lint/a11y/noStaticElementInteractions: keys bubble up from the controls inside
        <div
          id={id}
          class={`float appear absolute top-full z-30 mt-2 p-1.5 ${align === "right" ? "right-0" : "left-0"} ${panelClass}`}
          onKeyDown={(event) => walk(event, close)}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}

function walk(event: KeyboardEvent, close: () => void): void {
  if (event.key === "Escape") {
    event.stopPropagation();
    close();
    return;
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  if (event.target instanceof HTMLInputElement && event.target.type === "date") return;
  event.preventDefault();
  const stops = [...(event.currentTarget as Element).querySelectorAll<HTMLElement>(STOPS)];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const step = event.key === "ArrowDown" ? 1 : -1;
  stops[(at + step + stops.length) % stops.length]?.focus();
}

export function MenuItem(props: {
  children: ComponentChildren;
  active?: boolean;
  href?: string;
  hint?: string;
  onClick?: () => void;
}) {
  const className = `flex w-full items-center gap-3 rounded-lg px-2.5 py-1.5 text-left hover:bg-tint ${
    props.active ? "font-semibold text-accent" : ""
  }`;
  const inside = (
    <>
      <span class="min-w-0 grow truncate">{props.children}</span>
      {props.hint && <kbd class="font-mono text-xs text-soft">{props.hint}</kbd>}
    </>
  );
  if (props.href) {
    return (
      <a
        class={className}
        href={props.href}
        aria-current={props.active ? "page" : undefined}
        onClick={props.onClick}
      >
        {inside}
      </a>
    );
  }
  return (
    <button type="button" class={className} aria-pressed={props.active} onClick={props.onClick}>
      {inside}
    </button>
  );
}
