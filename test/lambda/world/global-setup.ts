import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import { packageService } from "../../support/cli/package.ts";
import { ROOT, temporaryFolder } from "../../support/cli/start-local.ts";
import { startSecuredPostgres } from "../../support/database/secured.ts";

export const TEMPLATE_DATABASE = "world_template";

export const SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forgeq-AbCdEf";
export const KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";

/** What the world's functions are given: made once for all tests. */
export interface Prepared {
  /** Of the superuser, who needs no password. */
  readonly adminUrl: string;
  readonly port: number;
  readonly caFile: string;
  /** CloudFormation: the stage `dev` with the parameters' defaults, and `prod` with many of them set. */
  readonly dev: string;
  readonly prod: string;
  /** A folder for each function. */
  readonly code: string;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly prepared: Prepared;
  }
}

const build = async (): Promise<void> => {
  const { build } = (await import(new URL("../../../esbuild.config.mjs", import.meta.url).href)) as {
    build: () => Promise<unknown>;
  };
  await build();
};

const PROD = {
  wake: "armed",
  eager: "true",
  reports: "s3://reports-bucket/forgeq",
  vpcSubnetIds: "subnet-0123456789abcdef0",
  vpcSecurityGroupIds: "sg-0123456789abcdef0",
  databaseSecretArn: SECRET_ARN,
  kmsKeyArn: KMS_KEY,
};

const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = temporaryFolder();
  await build();
  const postgres = await startSecuredPostgres({ max_connections: "400", shared_buffers: "128MB" });
  const tearDown = async () => {
    await postgres.stop();
    folder.remove();
  };
  try {
    const adminUrl = `postgres://postgres@127.0.0.1:${postgres.port}/`;
    await postgres.admin.query(`create database ${TEMPLATE_DATABASE}`);
    const template = await connectDb({ url: adminUrl + TEMPLATE_DATABASE, statementSeconds: 60 });
    await migrate(template);
    await syncDefinitions(template, jobs, queues);
    await template.close();
    // One after the other: the framework zips in a folder that both would use.
    const dev = await packageService(join(folder.path, "dev"));
    const prod = await packageService(join(folder.path, "prod"), PROD, "prod");
    const code = join(folder.path, "code");
    for (const key of ["enqueue", "api", "dispatcher", "scheduler", "failed-invocation", ...handlerKeys]) {
      mkdirSync(join(code, key, ".build"), { recursive: true });
      cpSync(join(ROOT, ".build", key), join(code, key, ".build", key), { recursive: true });
    }
    const { port, caFile } = postgres;
    project.provide("prepared", { adminUrl, port, caFile, dev: dev.file, prod: prod.file, code });
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
};

const handlerKeys = jobs.map(({ type }) => `handler-${type}`);

export default setup;
