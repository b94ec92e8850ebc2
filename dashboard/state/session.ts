/** Who is signed in. The session is a cookie that scripts can't read; here is only what it allows. */
import { signal } from "@preact/signals";
import { call, whenSignedOut } from "./api.ts";

export interface Session {
  readonly id: string;
  readonly scopes: readonly string[];
  /** Null: all. */
  readonly types: readonly string[] | null;
  readonly queues: readonly string[] | null;
  readonly expires_at: string | null;
}

interface Answer {
  readonly session: Session | null;
}

/** Null: nobody. Undefined: not known yet. */
export const session = signal<Session | null | undefined>(undefined);

export const can = (scope: string): boolean => session.value?.scopes.some((each) => each === scope) ?? false;

/** The code of `forgeq dashboard`, which is taken out of the address immediately. */
const takeCode = (): string | null => {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", location.pathname + location.search);
  return code;
};

/** @throws Problem when the key is refused */
export const signIn = async (
  given: { readonly key: string; readonly read_only: boolean } | { readonly code: string },
): Promise<void> => {
  session.value = (await call<Answer>("POST", "session", { body: given })).session;
};

export const signOut = async (): Promise<void> => {
  await call("DELETE", "session");
  session.value = null;
};

/** Finds out who is signed in, with the code of the address if there is one. */
export const openSession = async (): Promise<void> => {
  whenSignedOut(() => (session.value = null));
  const code = takeCode();
  if (
    code !== null &&
    (await signIn({ code }).then(
      () => true,
      () => false,
    ))
  )
    return;
  try {
    session.value = (await call<Answer>("GET", "session")).session;
  } catch {
    session.value = null;
  }
};
