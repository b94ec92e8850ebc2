import { useSignal } from "@preact/signals";
import { messageOf } from "../state/api.ts";
import { signIn } from "../state/session.ts";
import { Brand } from "./icons.tsx";

export const SignIn = () => {
  const trouble = useSignal("");
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    try {
      await signIn({ key: form.get("key") as string, read_only: form.has("read_only") });
    } catch (error) {
      trouble.value = messageOf(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <main class="signin">
      <form onSubmit={(event) => void submit(event)}>
        <Brand>
          <h1>ForgeQ</h1>
        </Brand>
        <label for="key">API key</label>
        <input
          id="key"
          name="key"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby="key-help"
        />
        <p id="key-help" class="muted">
          A local run keeps it in <code>.forgeq/api-key</code>, and <code>forgeq dashboard</code> signs you in without
          it. The session ends after 12 hours; scripts can't read it.
        </p>
        <label class="check">
          <input type="checkbox" name="read_only" />
          Only look: no retry, cancel or pause
        </label>
        {trouble.value !== "" && (
          <p class="banner bad" role="alert">
            {trouble.value}
          </p>
        )}
        <button class="primary" disabled={busy.value}>
          Sign in
        </button>
      </form>
    </main>
  );
};
