import { api, errorText, type Health, type Ledger, type LedgerDay, type LedgerSite } from "../api";
import { LEDGER_MEANINGS } from "../definitions";
import { dayText, full } from "../format";
import { useLoad } from "../load";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { Term } from "../parts/tip";
import { Verdict } from "../parts/verdict";
import { DeadRowsCard } from "./deadrows";
import { useEvery } from "./every";
import { plain, sentenceCase } from "./reasons";
import { Page } from "./shell";

const REFRESH_EVERY_MS = 5000;
const COLUMNS = [
  "received",
  "stored",
  "set_aside",
  "duplicate",
  "erased",
  "expired",
  "dead",
  "pending",
] as const;
/** Columns that only trouble fills: shown where there is any. */
const TROUBLE_COLUMNS = ["dropped", "lost"] as const;
type Column = (typeof COLUMNS)[number] | (typeof TROUBLE_COLUMNS)[number];

/** What is bold: somebody has to look at it. */
const ALARMING: Column[] = ["dead", "lost"];

export function LedgerScreen() {
  const version = useEvery(REFRESH_EVERY_MS);
  const ledger = useLoad("ledger", version, () => api.ledger());
  const health = useLoad("health", version, () => api.health());
  return (
    <Page
      wide
      title="Ledger"
      lead="Where every received event went, by site and day of receipt. What comes in must add up."
      action={
        ledger.data && (
          <Verdict good={ledger.data.balanced} text={ledger.data.balanced ? "Balanced" : "Not balanced"} />
        )
      }
    >
      {health.data && <HealthChecks health={health.data} />}
      <DeadRowsCard version={version} />
      {ledger.error && !ledger.data ? (
        <div class="card">
          <Failure text={errorText(ledger.error)} onRetry={ledger.retry} />
        </div>
      ) : ledger.data ? (
        <Books ledger={ledger.data} />
      ) : (
        <Skeleton class="h-96 w-full" />
      )}
    </Page>
  );
}

function HealthChecks({ health }: { health: Health }) {
  const failing = health.checks.filter((check) => !check.ok);
  if (failing.length === 0) return null;
  return (
    <section class="card mb-5 border-warn p-5" aria-label="Health">
      <h2 class="font-semibold">Needs a look</h2>
      <ul class="mt-2 space-y-1">
        {failing.map((check) => (
          <li key={check.name} class="flex gap-2">
            <Icon name="alert" class="mt-1 text-warn" />
            <span>
              <strong class="font-medium">{sentenceCase(check.name)}:</strong> {check.detail}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Books({ ledger }: { ledger: Ledger }) {
  if (ledger.sites.length === 0) {
    return (
      <p class="card px-6 py-14 text-center text-soft">
        Nothing was received yet, so there is nothing to account for.
      </p>
    );
  }
  return (
    <div class="space-y-6">
      {ledger.sites.map((site) => (
        <SiteBooks key={site.domain} site={site} />
      ))}
      <Refused counts={ledger.refused ?? {}} label="Refused and of no site" />
      <GivenUp count={ledger.given_up ?? 0} label="Given up by browsers, of no site" />
    </div>
  );
}

function Refused({ counts, label = "Refused" }: { counts: Record<string, number>; label?: string }) {
  const refused = Object.entries(counts).filter(([, count]) => count > 0);
  if (refused.length === 0) return null;
  return (
    <p class="text-[0.8125rem] text-soft">
      <Term text="Turned away before the queue, so never acknowledged. Counted as well as possible.">
        {label}
      </Term>
      : {refused.map(([reason, count]) => `${full(count)} ${plain(reason)}`).join(", ")}
    </p>
  );
}

function GivenUp({ count, label = "Given up by browsers" }: { count: number; label?: string }) {
  if (count === 0) return null;
  return (
    <p class="text-[0.8125rem] text-soft">
      <Term text="What browsers report that they could not keep: offline for longer than a day, or no room to store. Never acknowledged. Counted as well as possible.">
        {label}
      </Term>
      : {full(count)}
    </p>
  );
}

function sum(counts: number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function SiteBooks({ site }: { site: LedgerSite }) {
  const days = [...site.days].sort((a, b) => (a.day < b.day ? 1 : -1));
  const troubles = TROUBLE_COLUMNS.filter((column) => days.some((day) => (day[column] ?? 0) > 0));
  const columns: Column[] = [...COLUMNS, ...troubles];
  return (
    <section class="card overflow-hidden" aria-label={site.domain}>
      <header class="flex flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-3 sm:px-5">
        <h2 class="font-semibold">{site.domain}</h2>
        <div class="space-y-0.5 sm:text-right">
          <Refused counts={site.refused} />
          <GivenUp count={sum(Object.values(site.given_up))} />
        </div>
      </header>
      {days.length === 0 ? (
        <p class="px-5 py-8 text-center text-soft">Nothing received yet.</p>
      ) : (
        <section
          class="relative max-h-[28rem] overflow-auto"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a table wider than a phone must scroll by keyboard too
          tabIndex={0}
          aria-label={`Books of ${site.domain}`}
        >
          <table class="w-full text-right text-[0.875rem] tabular-nums">
            <thead class="sticky top-0 z-10 bg-surface text-[0.8125rem] text-soft">
              <tr>
                <th scope="col" class="px-4 py-2.5 text-left font-medium sm:px-5">
                  Day
                </th>
                {columns.map((column) => (
                  <th key={column} scope="col" class="px-3 py-2.5 font-medium whitespace-nowrap">
                    <Term text={LEDGER_MEANINGS[column] ?? ""}>{sentenceCase(column)}</Term>
                  </th>
                ))}
                <th scope="col" class="px-4 py-2.5 font-medium sm:px-5">
                  <span class="sr-only">Balanced</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {days.map((day) => (
                <BookRow key={day.day} day={day} columns={columns} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {days.length > 0 && (
        <p
          class="border-t border-line px-5 py-2 text-right text-[0.8125rem] text-soft sm:hidden"
          aria-hidden="true"
        >
          More columns: scroll sideways →
        </p>
      )}
    </section>
  );
}

function BookRow({ day, columns }: { day: LedgerDay; columns: Column[] }) {
  const reasons = Object.entries(day.set_aside).filter(([, count]) => count > 0);
  const aside = sum(reasons.map(([, count]) => count));
  return (
    <tr class="border-t border-line hover:bg-tint">
      <th scope="row" class="px-4 py-2 text-left font-medium whitespace-nowrap sm:px-5">
        {dayText(day.day, true)}
      </th>
      {columns.map((column) => {
        const count = column === "set_aside" ? aside : day[column];
        return (
          <td
            key={column}
            class={`px-3 py-2 ${count === 0 ? "text-soft" : ""} ${ALARMING.includes(column) && count > 0 ? "font-semibold text-bad" : ""}`}
          >
            {column === "set_aside" && count > 0 ? (
              <Term text={reasons.map(([reason, n]) => `${full(n)} ${plain(reason)}`).join(", ")}>
                {full(count)}
              </Term>
            ) : (
              full(count)
            )}
          </td>
        );
      })}
      <td class="px-4 py-2 sm:px-5">
        <span
          class={`inline-flex ${day.balanced ? "text-good" : "text-bad"}`}
          title={day.balanced ? "Balanced" : "Not balanced"}
        >
          <Icon name={day.balanced ? "check" : "alert"} />
          <span class="sr-only">{day.balanced ? "Balanced" : "Not balanced"}</span>
        </span>
      </td>
    </tr>
  );
}
