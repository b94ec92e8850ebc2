import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Db } from "../../lib/db/client.ts";
import { syncDefinitions } from "../../lib/queue/sync.ts";
import { startForgeq, temporaryFolder } from "./cli.ts";
import { faulty, relay, shared, steady } from "./handlers/jobs.ts";
import { SECRET } from "./http.ts";

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

const JOBS = [faulty, relay, steady];

/** A project folder with the handlers of test/support/handlers, for `forgeq server` and `forgeq worker` on this database. */
export const makeHandlersProject = async (db: Db): Promise<string> => {
  await syncDefinitions(db, JOBS, [shared]);
  const types = JOBS.map(({ type }) => type).join(", ");
  const folder = temporaryFolder();
  const write = (file: string, text: string) => {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write("package.json", JSON.stringify({ name: "handlers", private: true, type: "module" }));
  const jobs = `import { ${types} } from ${url("./handlers/jobs.ts")};\n`;
  write("functions/registry.ts", `${jobs}export const jobs = [${types}];\n`);
  write(
    "functions/queues.ts",
    `import { shared } from ${url("./handlers/jobs.ts")};\nexport const queues = [shared];\n`,
  );
  write(
    "functions/enqueue.ts",
    `import { createHandler as create } from ${url("../../functions/enqueue.ts")};
import { jobs } from "./registry.ts";
export const createHandler: typeof create = (deps, keys) => create(deps, keys, jobs);
`,
  );
  write("functions/api.ts", `export { createHandler } from ${url("../../functions/api.ts")};\n`);
  for (const { type } of JOBS)
    write(`functions/handlers/${type}/handler.ts`, `export { handler } from ${url(`./handlers/${type}.ts`)};\n`);
  return folder;
};

/** `forgeq server` on a free port, with the tests' key. */
export const startServer = async (cwd: string, env: Readonly<Record<string, string>>) => {
  const server = startForgeq(["server", "--port", "0"], { cwd, env: { FORGEQ_API_KEY: SECRET, ...env } });
  await server.said(/Server ready/);
  const origin = /Server ready on (\S+)\. /.exec(server.stderr())?.[1] ?? "";
  const key = env["FORGEQ_API_KEY"] ?? SECRET;
  return {
    ...server,
    origin,
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(origin + path, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
  };
};
