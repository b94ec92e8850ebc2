import { dirname, join, relative } from "node:path";

/** Where a new job type goes, and how its files import. */
export interface JobPlace {
  readonly root: string;
  /** Relative to the root. */
  readonly jobsFolder: string;
  /** `.ts`, or where the package is not one of ES modules, `.mts`. */
  readonly extension: ".ts" | ".mts";
  /** The repository of ForgeQ itself imports its own sources. */
  readonly isForgeq: boolean;
  /** Whose tests the project has. */
  readonly runner: "node:test" | "vitest";
}

/** Files by their paths, relative to the root. */
export type Files = Readonly<Record<string, string>>;

const camelCase = (type: string): string =>
  type.replace(/[-_]+(.)/g, (_, letter: string) => letter.toUpperCase()).replace(/[-_]+$/, "");

const nodeTestOf = (type: string, name: string, extension: string): string => `import assert from "node:assert/strict";
import { test } from "node:test";
import { testJob } from "forgeq/testing";
import { handler } from "./handler${extension}";
import { ${name} } from "./job${extension}";

test("${type} greets whoever it is given", async () => {
  const ended = await testJob(${name}, handler)({ name: "Ada" });
  assert.equal(ended.outcome, "completed");
  assert.deepEqual(ended.result, { greeting: "Hello Ada" });
});
`;

const vitestOf = (type: string, name: string, extension: string): string => `import { testJob } from "forgeq/testing";
import { expect, test } from "vitest";
import { handler } from "./handler${extension}";
import { ${name} } from "./job${extension}";

test("${type} greets whoever it is given", async () => {
  const ended = await testJob(${name}, handler)({ name: "Ada" });
  expect(ended).toMatchObject({ outcome: "completed", result: { greeting: "Hello Ada" } });
});
`;

/** A job type with its handler and a test, in a folder of its own. */
export const jobFiles = (type: string, { root, jobsFolder, extension, isForgeq, runner }: JobPlace): Files => {
  const folder = join(jobsFolder, type);
  const library = isForgeq ? `${relative(join(root, folder), root).replaceAll("\\", "/")}/lib/job.ts` : "forgeq/job";
  const name = camelCase(type);
  const job = `import { defineJob } from "${library}";
import * as z from "zod";

/** What the job is and what it takes. Whoever enqueues it imports this file, so nothing is done here. */
export const ${name} = defineJob({
  type: "${type}",
  payload: z.object({ name: z.string().min(1) }),
});
`;
  const handler = `import { lambdaHandler } from "${library}";
import { ${name} } from "./job${extension}";

/** The work. What it returns is the job's result; when it throws, the job is tried again. It may run twice: make its effect safe to repeat. */
export const handler = lambdaHandler(${name}, async ({ name }, job) => {
  job.log.info("hello", { name });
  return { greeting: \`Hello \${name}\` };
});
`;
  const test = runner === "vitest" ? vitestOf(type, name, extension) : nodeTestOf(type, name, extension);
  return {
    [join(folder, `job${extension}`)]: job,
    [join(folder, `handler${extension}`)]: handler,
    // The repository's own tests lie elsewhere.
    ...(!isForgeq && { [join(folder, `${type}.test${extension}`)]: test }),
  };
};

export const configFile = (jobsFolder: string): string => `import { defineConfig } from "forgeq/config";

export default defineConfig({
  jobs: "${jobsFolder}",
});
`;

/** A container that runs the jobs, for whoever deploys no functions. */
export const dockerfile = (jobsFolder: string, config: string): string => `FROM node:24-slim
WORKDIR /app
COPY package*.json ./
RUN npm ci --omit=dev
COPY ${config} ./
COPY ${dirname(jobsFolder) === "." ? jobsFolder : dirname(jobsFolder)} ./${dirname(jobsFolder) === "." ? jobsFolder : dirname(jobsFolder)}
ENV NODE_ENV=production
USER node
ENTRYPOINT ["node", "node_modules/forgeq/bin/forgeq.js"]
CMD ["worker"]
`;
