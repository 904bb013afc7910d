import { useState } from "preact/hooks";
import { api, type DeadRow, errorText } from "../api";
import { dayText, full } from "../format";
import { useLoad } from "../load";
import { DangerButtons } from "../parts/dangerbuttons";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { FormError } from "../parts/notice";
import { session } from "../session";
import { useSubmit } from "./submit";

/** Events that could not be processed, and what can be done about them. Nothing where there are none. */
export function DeadRowsCard({ version }: { version: number }) {
  const { data, retry } = useLoad("dead", version, () => api.dead());
  const [dropping, setDropping] = useState<DeadRow | null>(null);
  if (!data || data.total === 0) return null;
  const mayChange = !session.value?.demo;
  return (
    <section class="card mb-5 overflow-hidden border-warn" aria-label="Dead events">
      <header class="border-b border-line px-4 py-3 sm:px-5">
        <h2 class="font-semibold">{data.total === 1 ? "1 dead event" : `${full(data.total)} dead events`}</h2>
        <p class="text-[0.875rem] text-soft">
          They were acknowledged and could not be processed. Try them again after an update, or give them up.
        </p>
      </header>
      <ul class="max-h-96 divide-y divide-line overflow-y-auto">
        {data.dead.map((row) => (
          <li key={row.number} class="flex flex-wrap items-center gap-3 px-4 py-3 sm:px-5">
            <div class="min-w-0 grow basis-64">
              <p class="font-medium break-words">{row.error}</p>
              <p class="text-[0.8125rem] text-soft">
                {row.site} · {row.kind === "control" ? "a wish, no event" : dayText(row.day, true)} · number{" "}
                {row.number}
              </p>
            </div>
            {mayChange && <Actions row={row} onDone={retry} onDrop={() => setDropping(row)} />}
          </li>
        ))}
      </ul>
      {dropping && (
        <DropDialog
          row={dropping}
          onClose={() => {
            setDropping(null);
            retry();
          }}
        />
      )}
    </section>
  );
}

function Actions({ row, onDone, onDrop }: { row: DeadRow; onDone: () => void; onDrop: () => void }) {
  const again = useSubmit(async () => {
    await api.replayDead([row.number]);
    onDone();
  });
  return (
    <form onSubmit={again.submit} class="flex flex-wrap items-center gap-2">
      <button type="submit" class="button-quiet" disabled={again.busy}>
        Try again
      </button>
      <button type="button" class="button-bare" aria-label={`Give up number ${row.number}`} onClick={onDrop}>
        <Icon name="trash" />
      </button>
      {again.error && <FormError text={errorText(again.error)} />}
    </form>
  );
}

function DropDialog({ row, onClose }: { row: DeadRow; onClose: () => void }) {
  const form = useSubmit(async () => {
    await api.dropDead([row.number]);
    onClose();
  });
  return (
    <Dialog title="Give up this event?" narrow onClose={onClose}>
      <form onSubmit={form.submit} class="space-y-4 p-4 sm:p-5">
        <p>It is deleted and will never count. The ledger shows it as dropped. This can't be undone.</p>
        <DangerButtons text="Give it up" form={form} />
      </form>
    </Dialog>
  );
}
