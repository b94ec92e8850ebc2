import { startForgeq } from "../../support/cli/cli.ts";
import { SECRET } from "../../support/http/http.ts";

/** `forgeq server` before a database, with what sessions are made with; nothing of it asks the database by itself. */
export const serve = async (
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly origin: string; stop(): Promise<void> }> => {
  const server = startForgeq(["server", "--port", "0", "--no-scheduler"], {
    env: {
      DATABASE_URL: url,
      FORGEQ_API_KEY: SECRET,
      FORGEQ_SECRET: Buffer.alloc(32, 7).toString("base64url"),
      ...env,
    },
  });
  await server.said(/Server ready/);
  const stop = async (): Promise<void> => {
    server.child.kill("SIGKILL");
    await server.ended;
  };
  return { origin: /Server ready on (\S+)\. /.exec(server.stderr())?.[1] ?? "", stop };
};
