import { useState } from "preact/hooks";
import { api, errorText } from "../api";
import { Field, FormError } from "../parts/notice";
import { go, place } from "../router";
import { loadSession } from "../session";
import { Gate } from "./shell";
import { useSubmit } from "./submit";

export const PASSWORD_LENGTH_MIN = 8;

export function Setup() {
  const [code, setCode] = useState(() => new URLSearchParams(place.value.search).get("code") ?? "");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const form = useSubmit(async () => {
    await api.setUp(code.trim(), email.trim(), password);
    await loadSession();
    go("/sites/new", { replace: true });
  });
  return (
    <Gate title="Welcome to Weir" lead="Make the owner's account. It takes half a minute.">
      <form onSubmit={form.submit} class="space-y-4">
        <Field label="Set-up code" hint="The server printed it when it started.">
          <input
            class="field font-mono tracking-wide"
            name="code"
            autocomplete="one-time-code"
            spellcheck={false}
            required
            autofocus
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </Field>
        <Field label="Email" hint="Only for the login. Weir sends no mail.">
          <input
            class="field"
            type="email"
            name="email"
            autocomplete="username"
            required
            value={email}
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
        </Field>
        <Field label="Password" hint={`${PASSWORD_LENGTH_MIN} characters or more.`}>
          <input
            class="field"
            type="password"
            name="password"
            autocomplete="new-password"
            required
            minLength={PASSWORD_LENGTH_MIN}
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </Field>
        <button type="submit" class="button w-full" disabled={form.busy}>
          Create account
        </button>
        <FormError text={form.error && errorText(form.error)} />
      </form>
    </Gate>
  );
}
