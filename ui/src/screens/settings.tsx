import { useState } from "preact/hooks";
import { api, errorText, type Site, type SiteRules } from "../api";
import { Field, FormError } from "../parts/notice";
import { loadSites, session } from "../session";
import { doneText } from "./refolding";
import { Removal } from "./removesite";
import { Page } from "./shell";
import { useSubmit } from "./submit";

const TIMEOUT_MINUTES_MIN = 5;
const TIMEOUT_MINUTES_MAX = 240;

/** The rules that a site's events are counted by. */
export function SiteSettings({ site }: { site: Site }) {
  return (
    <Page
      title={site.domain}
      lead={
        <>
          How this site is counted. Days are days in {site.timezone.replaceAll("_", " ")}.{" "}
          <a class="link" href={`/${encodeURIComponent(site.domain)}`}>
            Dashboard
          </a>
          {!session.value?.demo && (
            <>
              {" · "}
              <a class="link" href={`/${encodeURIComponent(site.domain)}/verdicts`}>
                Was my visit counted?
              </a>
            </>
          )}
        </>
      }
    >
      <RulesForm site={site} />
      {!session.value?.demo && <Removal domain={site.domain} />}
    </Page>
  );
}

function RulesForm({ site }: { site: Site }) {
  const [minutes, setMinutes] = useState(site.visit_timeout_minutes);
  const [bots, setBots] = useState(site.bots);
  const [done, setDone] = useState<string | null>(null);
  const changed = minutes !== site.visit_timeout_minutes || bots !== site.bots;
  const form = useSubmit(async () => {
    setDone(null);
    const rules: SiteRules = { visit_timeout_minutes: minutes, bots };
    const answer = await api.changeSite(site.domain, rules);
    await loadSites();
    setDone(doneText(answer.days_waiting, answer.days_frozen));
  });
  return (
    <form onSubmit={form.submit} class="card space-y-5 p-5 sm:p-6">
      <Field
        label="A visit ends after"
        hint="Minutes without an event. 30 is what most tools use; a longer pause makes fewer and longer visits."
      >
        <input
          class="field max-w-32"
          type="number"
          name="visit_timeout_minutes"
          inputMode="numeric"
          required
          min={TIMEOUT_MINUTES_MIN}
          max={TIMEOUT_MINUTES_MAX}
          step={1}
          value={minutes}
          onInput={(event) => setMinutes(event.currentTarget.valueAsNumber)}
        />
      </Field>
      <label class="flex cursor-pointer items-start gap-3">
        <input
          type="checkbox"
          name="bots"
          class="mt-1 size-4 accent-[var(--accent)]"
          checked={bots === "count"}
          onChange={(event) => setBots(event.currentTarget.checked ? "count" : "set-aside")}
        />
        <span>
          <span class="block font-medium">Count bots as visitors</span>
          <span class="block text-sm text-soft">
            Otherwise they are set aside with their reason and kept for 30 days, so that this can be changed.
          </span>
        </span>
      </label>
      <p class="text-sm text-soft">
        A change counts the past anew as far as its events are still held; older days stay as they are.
      </p>
      <div class="flex flex-wrap items-center gap-4">
        <button type="submit" class="button" disabled={form.busy || !changed || session.value?.demo}>
          Save
        </button>
        <p role="status" class="text-sm text-good">
          {done}
        </p>
        {form.error && <FormError text={errorText(form.error)} />}
      </div>
    </form>
  );
}
