import { useState } from "preact/hooks";
import { api, errorText } from "../api";
import { Field, FormError } from "../parts/notice";
import { go, place } from "../router";
import { loadSites, session, sites } from "../session";
import { Page } from "./shell";
import { useSubmit } from "./submit";
import { UnknownHosts } from "./unknownhosts";

/** The browser's zone first known by its canonical name; UTC is not in the list that browsers give. */
export function timeZones(): string[] {
  const known = Intl.supportedValuesOf?.("timeZone") ?? [];
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [...new Set([...known, own, "UTC"])].sort();
}

export function NewSite() {
  const asked = new URLSearchParams(place.value.search).get("domain") ?? "";
  const [domain, setDomain] = useState(asked);
  const [zone, setZone] = useState(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const form = useSubmit(async () => {
    const site = await api.addSite(domain.trim(), zone);
    await loadSites();
    go(`/${encodeURIComponent(site.domain)}/install`);
  });
  const first = sites.value?.sites.length === 0;
  return (
    <Page
      title={first ? "Add your first site" : "Add a site"}
      lead="Two answers, then a script tag to paste."
    >
      <form onSubmit={form.submit} class="card space-y-5 p-5 sm:p-6">
        <Field label="Domain" hint="Subdomains count too. A pasted address is fine.">
          <input
            key={asked}
            class="field"
            name="domain"
            placeholder="example.com"
            autocapitalize="none"
            spellcheck={false}
            required
            autofocus
            value={domain}
            onInput={(event) => setDomain(event.currentTarget.value)}
          />
        </Field>
        <Field label="Time zone" hint="A day on the dashboard is a day there.">
          <select class="field" value={zone} onChange={(event) => setZone(event.currentTarget.value)}>
            {timeZones().map((name) => (
              <option key={name} value={name}>
                {name.replaceAll("_", " ")}
              </option>
            ))}
          </select>
        </Field>
        <div class="flex flex-wrap items-center gap-4">
          <button type="submit" class="button" disabled={form.busy || session.value?.demo}>
            Add site
          </button>
          <FormError text={form.error && errorText(form.error)} />
        </div>
      </form>
      <UnknownHosts onAdd={setDomain} />
    </Page>
  );
}
