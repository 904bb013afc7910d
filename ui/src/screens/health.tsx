import { api, errorText, type Health } from "../api";
import { useLoad } from "../load";
import { Icon } from "../parts/icon";
import { Failure, Skeleton } from "../parts/notice";
import { Verdict } from "../parts/verdict";
import { useEvery } from "./every";
import { sentenceCase } from "./reasons";
import { Page } from "./shell";

const REFRESH_EVERY_MS = 5000;

/** What the server found when it last looked at itself, good or bad. */
export function HealthScreen() {
  const version = useEvery(REFRESH_EVERY_MS);
  const { data, error, retry } = useLoad("health", version, () => api.health());
  return (
    <Page
      title="Health"
      lead="What the server found when it last looked at itself. It looks again by itself."
      action={
        data && (
          <Verdict good={data.status === "ok"} text={data.status === "ok" ? "All well" : "Needs a look"} />
        )
      }
    >
      {error && !data ? (
        <div class="card">
          <Failure text={errorText(error)} onRetry={retry} />
        </div>
      ) : data ? (
        <ul class="card divide-y divide-line">
          {data.checks.map((check) => (
            <Check key={check.name} {...check} />
          ))}
        </ul>
      ) : (
        <Skeleton class="h-96 w-full" />
      )}
      {error && data ? (
        <p role="status" class="mt-3 text-[0.8125rem] text-bad">
          The last look failed: {errorText(error)}
        </p>
      ) : null}
    </Page>
  );
}

function Check({ name, ok, detail }: Health["checks"][number]) {
  return (
    <li class="flex gap-3 px-4 py-3.5 sm:px-5">
      <span class={`mt-0.5 shrink-0 ${ok ? "text-good" : "text-bad"}`}>
        <Icon name={ok ? "check" : "alert"} />
        <span class="sr-only">{ok ? "Well" : "Needs a look"}</span>
      </span>
      <div class="min-w-0">
        <h2 class="font-medium">{sentenceCase(name)}</h2>
        <p class={`text-[0.875rem] break-words ${ok ? "text-soft" : ""}`}>{detail}</p>
      </div>
    </li>
  );
}
