import { useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { MenuItem, Popover } from "../parts/popover";
import { RemoveSite } from "../screens/removesite";
import { session, sites } from "../session";

export function SitePicker({ current }: { current: string }) {
  const all = sites.value?.sites ?? [];
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <Popover
        label={`Site: ${current}`}
        panelClass="max-h-96 w-72 max-w-[calc(100vw-1.5rem)] overflow-y-auto"
        rootClass="-ml-2 max-w-[60vw]"
        buttonClass="flex h-9 max-w-full items-center gap-1.5 rounded-lg px-2 text-lg font-semibold tracking-tight hover:bg-tint"
        button={
          <>
            <span class="truncate">{current}</span>
            <Icon name="chevron" class="text-soft" />
          </>
        }
      >
        {(close) => (
          <>
            {all.map((site) => (
              <MenuItem
                key={site.domain}
                href={`/${encodeURIComponent(site.domain)}`}
                active={site.domain === current}
                onClick={close}
              >
                {site.domain}
              </MenuItem>
            ))}
            <div class="mt-1 border-t border-line pt-1">
              <MenuItem href="/sites" onClick={close}>
                All sites
              </MenuItem>
              <MenuItem href={`/${encodeURIComponent(current)}/install`} onClick={close}>
                Script tag of this site
              </MenuItem>
              {!session.value?.demo && (
                <>
                  <MenuItem href={`/${encodeURIComponent(current)}/verdicts`} onClick={close}>
                    Was my visit counted?
                  </MenuItem>
                  <MenuItem href={`/${encodeURIComponent(current)}/settings`} onClick={close}>
                    Settings of this site
                  </MenuItem>
                  <MenuItem href="/sites/new" onClick={close}>
                    Add a site
                  </MenuItem>
                  <MenuItem
                    onClick={() => {
                      close();
                      setRemoving(true);
                    }}
                  >
                    Remove this site
                  </MenuItem>
                </>
              )}
            </div>
          </>
        )}
      </Popover>
      {removing && <RemoveSite domain={current} onClose={() => setRemoving(false)} />}
    </>
  );
}
