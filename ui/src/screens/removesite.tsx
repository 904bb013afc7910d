import { useState } from "preact/hooks";
import { api } from "../api";
import { DangerButtons } from "../parts/dangerbuttons";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Field } from "../parts/notice";
import { go } from "../router";
import { forgetSite, loadSites } from "../session";
import { confirms } from "./confirms";
import { useSubmit } from "./submit";

/** Asks for the domain, since nothing brings a removed site's figures back. */
export function RemoveSite({ domain, onClose }: { domain: string; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const form = useSubmit(async () => {
    await api.removeSite(domain);
    onClose();
    // Away first: a screen of the site would say for a moment that there is no such site.
    go("/sites");
    forgetSite(domain);
    await loadSites().catch(() => {});
  });
  return (
    <Dialog title={`Remove ${domain}?`} narrow onClose={onClose}>
      <form onSubmit={form.submit} class="space-y-4 overflow-y-auto p-4 sm:p-5">
        <p>
          Everything held of <strong class="font-semibold break-words">{domain}</strong> is deleted: its
          events, its statistics and its settings. This can't be undone.
        </p>
        <p class="text-soft">Its script tag, where it is still in a page, is refused from then on.</p>
        <Field label="Type the domain to remove it">
          <input
            class="field"
            name="domain"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            autofocus
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </Field>
        <DangerButtons text="Remove site" form={form} ready={confirms(typed, domain)} />
      </form>
    </Dialog>
  );
}

/** The way to it from a site's own screens. */
export function Removal({ domain }: { domain: string }) {
  const [asking, setAsking] = useState(false);
  return (
    <section class="mt-8 flex flex-wrap items-center justify-between gap-4 border-t border-line pt-5">
      <p class="text-[0.875rem] text-soft">Removing a site deletes everything held of it.</p>
      <button type="button" class="button-danger" onClick={() => setAsking(true)}>
        <Icon name="trash" /> Remove site
      </button>
      {asking && <RemoveSite domain={domain} onClose={() => setAsking(false)} />}
    </section>
  );
}
