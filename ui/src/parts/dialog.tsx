import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon";

/** A native modal dialog: the browser keeps the focus inside, closes on Escape and gives the focus back. */
export function Dialog(props: {
  title: string;
  /** For a question, where a list takes all the width there is. */
  narrow?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a native dialog
    <dialog
      ref={dialog}
      aria-label={props.title}
      class={`float m-auto max-w-none overflow-hidden p-0 text-ink ${
        props.narrow ? "w-[min(30rem,calc(100vw-1.5rem))]" : "w-[min(56rem,calc(100vw-1.5rem))]"
      }`}
      onClose={props.onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="flex max-h-[min(46rem,calc(100dvh-3rem))] flex-col">
        <header class="flex items-center justify-between border-b border-line px-4 py-3 sm:px-5">
          <h2 class="text-base font-semibold">{props.title}</h2>
          <button
            type="button"
            class="button-bare"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            <Icon name="close" size={18} />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}
