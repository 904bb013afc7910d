import { useState } from "preact/hooks";
import { api, errorText } from "../api";
import { Field, FormError } from "../parts/notice";
import { go, place } from "../router";
import { nextPath } from "../routes";
import { loadSession } from "../session";
import { Gate } from "./shell";
import { useSubmit } from "./submit";

export function Login() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const form = useSubmit(async () => {
    await api.login(email.trim(), password);
    await loadSession();
    go(nextPath(place.value.search), { replace: true });
  });
  return (
    <Gate title="Log in" lead="Your sites are waiting.">
      <form onSubmit={form.submit} class="space-y-4">
        <Field label="Email">
          <input
            class="field"
            type="email"
            name="email"
            autocomplete="username"
            required
            autofocus
            value={email}
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
        </Field>
        <Field label="Password">
          <input
            class="field"
            type="password"
            name="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </Field>
        <button type="submit" class="button w-full" disabled={form.busy}>
          Log in
        </button>
        <FormError text={form.error && errorText(form.error)} />
      </form>
    </Gate>
  );
}
