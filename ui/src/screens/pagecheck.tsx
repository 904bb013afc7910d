import { useState } from "preact/hooks";
import { api, errorText } from "../api";
import { inOrder, type PageFinding, type PageReport, toneOf } from "../pagecheck";
import { Icon } from "../parts/icon";
import { useSubmit } from "./submit";

/** The server looks at the site's page. The box is as high before as with one finding: nothing below it moves. */
export function PageCheck({ domain }: { domain: string }) {
  const [report, setReport] = useState<PageReport | null>(null);
  const { busy, error, submit } = useSubmit(async () => {
    setReport(null);
    setReport(await api.checkPage(domain));
  });
  return (
    <section class="card mt-6 p-5 sm:p-6" aria-labelledby="page-check">
      <form onSubmit={submit} class="flex flex-wrap items-center gap-3">
        <h2 id="page-check" class="font-medium">
          Is the tag on the page?
        </h2>
        {/* Disabled, it would lose the focus, and whoever pressed it by keyboard their place. */}
        <button
          type="submit"
          class="button-quiet ml-auto min-w-36 aria-disabled:opacity-40"
          aria-disabled={busy}
        >
          {busy ? "Looking …" : "Check the page"}
        </button>
      </form>
      <div aria-live="polite" class="mt-4 min-h-56 border-t border-line pt-4 text-[0.875rem] sm:min-h-40">
        {report ? (
          <Outcome report={report} />
        ) : error ? (
          <p class="text-bad">{errorText(error)}</p>
        ) : (
          <p class="text-soft">
            {busy
              ? `Fetching the front page of ${domain}. This takes 10 seconds at most.`
              : `Fetches the front page of ${domain} and says what keeps it from being counted.`}
          </p>
        )}
      </div>
    </section>
  );
}

function Outcome({ report }: { report: PageReport }) {
  const good = toneOf(report) === "good";
  return (
    <>
      <p class="flex items-center gap-2 font-medium">
        <Icon name={good ? "check" : "alert"} class={good ? "text-good" : "text-warn"} /> {report.text}
      </p>
      <p class="mt-1 break-all text-soft">{report.url}</p>
      <ul class="mt-3 space-y-3">
        {inOrder(report.findings).map((finding) => (
          <Found key={finding.text} finding={finding} />
        ))}
      </ul>
    </>
  );
}

function Found({ finding }: { finding: PageFinding }) {
  return (
    <li>
      <p class="break-words">{finding.text}</p>
      <p class="mt-0.5 break-words text-soft">{finding.advice}</p>
    </li>
  );
}
