import { useState } from "preact/hooks";
import { api, errorText } from "../api";
import { Field, FormError } from "../parts/notice";
import { go } from "../router";
import { logOut, session } from "../session";
import { setTheme, type Theme, theme } from "../theme";
import { PASSWORD_LENGTH_MIN } from "./setup";
import { Page } from "./shell";
import { useSubmit } from "./submit";

export function Account() {
  const user = session.value?.user;
  return (
    <Page title="Account" lead={user ? user.email : "The demo needs no account."}>
      <div class="space-y-5">
        <ThemeChoice />
        {user && <PasswordForm email={user.email} />}
        {user && (
          <section class="card flex flex-wrap items-center justify-between gap-3 p-5 sm:p-6">
            <div>
              <h2 class="font-semibold">Log out</h2>
              <p class="text-[0.875rem] text-soft">On this device only.</p>
            </div>
            <button
              type="button"
              class="button-quiet"
              onClick={async () => {
                await logOut().catch(() => {});
                go("/login");
              }}
            >
              Log out
            </button>
          </section>
        )}
        <p class="text-[0.8125rem] text-soft">Weir {session.value?.version}</p>
      </div>
    </Page>
  );
}

const THEMES: [Theme, string][] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

function ThemeChoice() {
  return (
    <fieldset class="card p-5 sm:p-6">
      <legend class="sr-only">Theme</legend>
      <h2 class="font-semibold">Theme</h2>
      <div class="mt-3 flex flex-wrap gap-2">
        {THEMES.map(([name, label]) => (
          <label
            key={name}
            class={`button-quiet has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent ${
              theme.value === name ? "border-accent bg-tint text-accent" : ""
            }`}
          >
            <input
              type="radio"
              name="theme"
              class="sr-only"
              checked={theme.value === name}
              onChange={() => setTheme(name)}
            />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function PasswordForm({ email }: { email: string }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [done, setDone] = useState(false);
  const form = useSubmit(async () => {
    setDone(false);
    await api.changePassword(current, next);
    setCurrent("");
    setNext("");
    setDone(true);
  });
  return (
    <section class="card p-5 sm:p-6">
      <h2 class="font-semibold">Change password</h2>
      <p class="text-[0.875rem] text-soft">Logs out every other device.</p>
      <form onSubmit={form.submit} class="mt-4 space-y-4">
        <input type="hidden" name="username" autocomplete="username" value={email} />
        <Field label="Current password">
          <input
            class="field"
            type="password"
            autocomplete="current-password"
            required
            value={current}
            onInput={(event) => setCurrent(event.currentTarget.value)}
          />
        </Field>
        <Field label="New password" hint={`${PASSWORD_LENGTH_MIN} characters or more.`}>
          <input
            class="field"
            type="password"
            autocomplete="new-password"
            required
            minLength={PASSWORD_LENGTH_MIN}
            value={next}
            onInput={(event) => setNext(event.currentTarget.value)}
          />
        </Field>
        <div class="flex flex-wrap items-center gap-4">
          <button type="submit" class="button" disabled={form.busy}>
            Change password
          </button>
          <span role="status" class="text-good">
            {done ? "Changed." : ""}
          </span>
          <FormError text={form.error && errorText(form.error)} />
        </div>
      </form>
    </section>
  );
}
