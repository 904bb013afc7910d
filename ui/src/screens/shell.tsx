import type { ComponentChildren } from "preact";
import { Icon, Mark } from "../parts/icon";
import { MenuItem, Popover } from "../parts/popover";
import { go } from "../router";
import { logOut, session } from "../session";
import { isDark, setTheme } from "../theme";

/** The frame of every screen behind the login. */
export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <>
      <a
        href="#main"
        class="button sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:px-4"
      >
        Skip to content
      </a>
      {session.value?.demo && (
        <p class="bg-accent px-4 py-1.5 text-center text-[0.875rem] text-onaccent">
          A demo with made-up visitors. Look at everything; nothing can be changed.
        </p>
      )}
      <header class="mx-auto flex h-15 max-w-[76rem] items-center justify-between px-3 sm:px-6">
        <a
          href="/"
          class="flex items-center gap-2.5 rounded-lg text-lg font-semibold tracking-tight"
          aria-label="Weir, all sites"
        >
          <Mark />
          <span class="max-sm:hidden">Weir</span>
        </a>
        <nav class="flex items-center gap-1" aria-label="Main">
          <a class="button-bare px-3 font-medium" href="/sites">
            Sites
          </a>
          <a class="button-bare px-3 font-medium" href="/ledger">
            Ledger
          </a>
          <a class="button-bare px-3 font-medium" href="/health">
            Health
          </a>
          <ThemeButton />
          {session.value?.user && <AccountMenu email={session.value.user.email} />}
        </nav>
      </header>
      <main id="main" tabIndex={-1} class="outline-none">
        {children}
      </main>
    </>
  );
}

export function ThemeButton() {
  const dark = isDark.value;
  return (
    <button
      type="button"
      class="button-bare"
      aria-label={dark ? "Switch to the light theme" : "Switch to the dark theme"}
      onClick={() => setTheme(dark ? "light" : "dark")}
    >
      <Icon name={dark ? "sun" : "moon"} size={18} />
    </button>
  );
}

function AccountMenu({ email }: { email: string }) {
  return (
    <Popover
      label="Account"
      align="right"
      buttonClass="button-bare"
      panelClass="w-60"
      button={<Icon name="person" size={18} />}
    >
      {(close) => (
        <>
          <p class="truncate px-2.5 py-1.5 text-[0.8125rem] text-soft">{email}</p>
          <MenuItem href="/account" onClick={close}>
            Account
          </MenuItem>
          <MenuItem
            onClick={async () => {
              await logOut().catch(() => {});
              go("/login");
            }}
          >
            Log out
          </MenuItem>
        </>
      )}
    </Popover>
  );
}

/** A narrow page with a title: forms, lists, messages. */
export function Page(props: {
  title: string;
  lead?: ComponentChildren;
  wide?: boolean;
  action?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <div class={`mx-auto px-3 pt-4 pb-12 sm:px-6 ${props.wide ? "max-w-[76rem]" : "max-w-2xl"}`}>
      <div class="mb-5 flex items-end justify-between gap-4">
        <div>
          <h1 class="text-2xl font-semibold tracking-tight">{props.title}</h1>
          {props.lead && <p class="mt-1 text-soft">{props.lead}</p>}
        </div>
        {props.action}
      </div>
      {props.children}
    </div>
  );
}

/** Login and set-up: nothing but the one form. */
export function Gate({
  title,
  lead,
  children,
}: {
  title: string;
  lead: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <main class="relative grid min-h-dvh place-items-center px-4 py-12">
      <div class="absolute top-3 right-3">
        <ThemeButton />
      </div>
      <div class="w-full max-w-sm">
        <div class="mb-6 flex flex-col items-center gap-4 text-center">
          <Mark size={44} />
          <div>
            <h1 class="text-2xl font-semibold tracking-tight">{title}</h1>
            <p class="mt-1.5 text-soft">{lead}</p>
          </div>
        </div>
        <div class="card p-6">{children}</div>
      </div>
    </main>
  );
}
