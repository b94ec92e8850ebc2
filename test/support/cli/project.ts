import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { startForgeq, temporaryFolder } from "./cli.ts";
import { emails } from "../../../functions/queues.ts";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { faulty, leaky, relay, shared, steady } from "../handlers/jobs.ts";
import { SECRET } from "../http/http.ts";

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

const OWN = [faulty, leaky, relay, steady];

/** A project folder with the handlers of test/support/handlers and `send_email`, for `forgeq server` and `forgeq worker` on this database. */
export const makeHandlersProject = async (db: Db): Promise<string> => {
  await syncDefinitions(db, [...OWN, sendEmail], [shared, emails]);
  const types = OWN.map(({ type }) => type).join(", ");
  const folder = temporaryFolder();
  const write = (file: string, text: string) => {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write("package.json", JSON.stringify({ name: "handlers", private: true, type: "module" }));
  write(
    "functions/registry.ts",
    `import { sendEmail } from ${url("../../../functions/handlers/send_email/job.ts")};
import { ${types} } from ${url("../handlers/jobs.ts")};
export const jobs = [${types}, sendEmail];
`,
  );
  write(
    "functions/queues.ts",
    `import { emails } from ${url("../../../functions/queues.ts")};
import { shared } from ${url("../handlers/jobs.ts")};
export const queues = [shared, emails];
`,
  );
  const handler = (type: string, file: string) =>
    write(`functions/handlers/${type}/handler.ts`, `export { handler } from ${url(file)};\n`);
  for (const { type } of OWN) handler(type, `../handlers/${type}.ts`);
  handler(sendEmail.type, "../../../functions/handlers/send_email/handler.ts");
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
