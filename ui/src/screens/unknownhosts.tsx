import { agoText, full } from "../format";
import { Icon } from "../parts/icon";
import { session, sites } from "../session";

/** Hosts that send events and belong to no site: most often a site that somebody forgot to add. */
export function UnknownHosts({ onAdd }: { onAdd?: (host: string) => void }) {
  const hosts = sites.value?.unknown_hosts ?? [];
  if (hosts.length === 0) return null;
  return (
    <section class="mt-8">
      <h2 class="font-semibold">Hosts that are no site yet</h2>
      <p class="mt-0.5 mb-3 text-[0.875rem] text-soft">
        They send events here, which are refused until somebody adds them.
      </p>
      <ul class="card divide-y divide-line">
        {hosts.map((unknown) => (
          <li key={unknown.host} class="flex items-center gap-3 px-4 py-2.5 sm:px-5">
            <div class="min-w-0 grow">
              <p class="truncate font-medium">{unknown.host}</p>
              <p class="text-[0.8125rem] text-soft">
                {full(unknown.count)} {unknown.count === 1 ? "event" : "events"}, last{" "}
                {agoText(unknown.last_seen)}
              </p>
            </div>
            {!session.value?.demo && (
              <a
                class="button-quiet"
                href={`/sites/new?domain=${encodeURIComponent(unknown.host)}`}
                aria-label={`Add ${unknown.host}`}
                onClick={() => onAdd?.(unknown.host)}
              >
                <Icon name="plus" /> Add
              </a>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
