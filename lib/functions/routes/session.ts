import type { KeyRing } from "../../http/key-ring.ts";
import type { sessionOperations } from "../../http/operations/session.ts";
import type { Servers } from "../../http/serve.ts";
import { showSession, signIn, signOut, toWireCaller } from "../../http/sign-in.ts";
import type { Config } from "../../queue/deps.ts";
import { parseLogUrl } from "../../core/web-settings.ts";
import { ok } from "./found.ts";

/**
 * No statement goes to the database, but for the key of a session of the database, once a minute.
 *
 * @param config - where this process is
 */
export const sessionServers = (
  ring: KeyRing,
  config: () => Promise<Pick<Config, "service" | "stage" | "wakeMode" | "logUrl">>,
): Servers<typeof sessionOperations> => ({
  getSession: (request) => showSession(ring, request),
  signIn: (request) => signIn(ring, request),
  signOut: (request) => Promise.resolve(signOut(request)),
  getMe: async ({ key }) => {
    const { service, stage, wakeMode, logUrl } = await config();
    // Pages of the dashboard that this deployment has in addition to those that all have.
    return ok({
      ...toWireCaller(key),
      service,
      stage,
      wake: wakeMode,
      features: [],
      log_url: parseLogUrl(logUrl ?? undefined),
    });
  },
});
