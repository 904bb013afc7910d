import { errorText } from "../api";
import { FormError } from "./notice";

type Props = { text: string; form: { busy: boolean; error: Error | null }; ready?: boolean };

/** What can't be undone, the way back from it, and why it failed. */
export function DangerButtons({ text, form, ready = true }: Props) {
  return (
    <>
      <div class="flex flex-wrap items-center gap-3">
        <button type="submit" class="button-danger" disabled={form.busy || !ready}>
          {text}
        </button>
        {/* Closed by itself the dialog gives the focus back; taken away it would not. */}
        <button
          type="button"
          class="button-quiet"
          onClick={(event) => event.currentTarget.closest("dialog")?.close()}
        >
          Keep it
        </button>
      </div>
      {form.error && <FormError text={errorText(form.error)} />}
    </>
  );
}
