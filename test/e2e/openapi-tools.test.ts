/** What public tools make of the OpenAPI document. Left out where they are not installed: npm ci --prefix test/tools/openapi. */
import { execFile } from "node:child_process";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
import { queues } from "../../functions/queues.ts";
import { jobs } from "../../functions/registry.ts";
import { openapiDocument } from "../../lib/http/openapi.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { ROOT, startForgeq, temporaryFolder } from "../support/cli/cli.ts";
import { startServer } from "../support/cli/project.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { CLIENTS, wrongCalls } from "../support/http/generated-clients.ts";
import { SECRET } from "../support/http/http.ts";

const TOOLS = join(ROOT, "test", "tools", "openapi", "node_modules");
const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const run = promisify(execFile);

const STRICT = {
  compilerOptions: {
    ...{ strict: true, noEmit: true, module: "esnext", moduleResolution: "bundler", target: "es2022" },
    ...{ lib: ["es2022", "dom", "dom.iterable"], types: ["node"], skipLibCheck: true },
    typeRoots: [join(ROOT, "node_modules", "@types")],
  },
  include: ["*.ts", "hey", "orval"],
};

/** A folder with the document, where the tools are. */
const folderWithDocument = (): string => {
  const folder = temporaryFolder();
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  write("openapi.json", JSON.stringify(openapiDocument(jobs)));
  write("package.json", JSON.stringify({ type: "module", private: true }));
  write("tsconfig.json", JSON.stringify(STRICT));
  write(".spectral.yaml", 'extends: ["spectral:oas"]\n');
  write(
    "orval.config.cjs",
    `module.exports = { forgeq: { input: { target: "openapi.json" }, output: { target: "orval/client.ts", client: "fetch" } } };\n`,
  );
  symlinkSync(TOOLS, join(folder, "node_modules"));
  return folder;
};

/** A tool by its name, with the Node of these tests: the machine's own may be too old for it. */
const tool = async (folder: string, [name = "", ...args]: readonly string[]): Promise<string> => {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", CI: "1" };
  const { stdout, stderr } = await run(process.execPath, [join(TOOLS, ".bin", name), ...args], { cwd: folder, env });
  return stdout + stderr;
};

describe.skipIf(!existsSync(TOOLS))("the OpenAPI document", () => {
  it("has nothing that redocly's recommended rules find", { timeout: 120_000 }, async () => {
    const said = await tool(folderWithDocument(), ["redocly", "lint", "openapi.json", "--extends=recommended"]);
    expect(said).toContain("Your API description is valid");
    expect(said).not.toContain("warning");
  });

  it("has nothing that spectral:oas finds", { timeout: 120_000 }, async () => {
    const said = await tool(folderWithDocument(), ["spectral", "lint", "openapi.json", "--fail-severity=hint"]);
    expect(said).toContain("No results with a severity of 'hint' or higher found");
  });

  it.each(Object.entries(CLIENTS))(
    "gives %s a client that compiles strictly, refuses wrong calls, and runs a job",
    { timeout: 240_000 },
    async (_name, { command, program, wrong }) => {
      const folder = folderWithDocument();
      await tool(folder, command);
      writeFileSync(join(folder, "program.ts"), program);
      writeFileSync(join(folder, "wrong.ts"), wrongCalls(wrong));
      await run(process.execPath, [TSC, "-p", folder], { cwd: folder }).catch((error: { stdout: string }) => {
        throw new Error(error.stdout);
      });

      const { db, url } = await createTestDatabase();
      await syncDefinitions(db, jobs, queues);
      const env = { DATABASE_URL: url, FORGEQ_REPORTS: temporaryFolder() };
      const server = await startServer(ROOT, env);
      const worker = startForgeq(["worker"], { cwd: ROOT, env });
      onTestFinished(async () => {
        worker.child.kill("SIGTERM");
        await worker.ended;
      });
      await build({
        entryPoints: [join(folder, "program.ts")],
        outfile: join(folder, "program.mjs"),
        ...{ bundle: true, platform: "node", format: "esm", logLevel: "silent" },
      });
      const { stdout } = await run(process.execPath, [join(folder, "program.mjs")], {
        env: { URL: server.origin, KEY: SECRET },
        timeout: 60_000,
      });
      expect(JSON.parse(stdout)).toEqual({
        states: expect.arrayContaining(["completed"]) as unknown,
        listed: true,
        life: 2,
      });
    },
  );
});
