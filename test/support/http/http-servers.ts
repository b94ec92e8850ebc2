/** The two servers that the checks of the HTTP API run against: without a scheduler of their own, each with one connection. */
import { ROOT, startForgeq } from "../cli/cli.ts";
import { startOffline } from "../cli/offline.ts";

export interface HttpServer {
  readonly origin: string;
}

type Env = Readonly<Record<string, string>>;

export const HTTP_SERVERS: Readonly<Record<string, (databaseUrl: string, env: Env) => Promise<HttpServer>>> = {
  "forgeq server": async (databaseUrl, env) => {
    const args = ["server", "--port", "0", "--no-scheduler"];
    const server = startForgeq(args, { cwd: ROOT, env: { DATABASE_URL: databaseUrl, ...env } });
    await server.said(/Server ready/);
    return { origin: /Server ready on (\S+)\. /.exec(server.stderr())?.[1] ?? "" };
  },
  "serverless-offline": async (databaseUrl, env) => {
    // As deployed without the schedules of each minute.
    const { url } = await startOffline(databaseUrl, "a-key-that-no-check-uses", env, ["--param", "wake=armed"]);
    return { origin: url };
  },
};
