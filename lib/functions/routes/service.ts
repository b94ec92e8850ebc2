import { ForgeqError } from "../../core/errors.ts";
import type { JobDefinition } from "../../core/job.ts";
import { isBound, maySend, mayUseQueue } from "../../http/access.ts";
import type { serviceOperations } from "../../http/operations/service.ts";
import type { Servers } from "../../http/serve.ts";
import type { Deps } from "../../queue/deps.ts";
import { health } from "../../queue/observe/health.ts";
import { createMetricsPage } from "../../queue/observe/metrics-page.ts";
import { ok } from "./found.ts";

type Server<Id extends keyof typeof serviceOperations> = Servers<typeof serviceOperations>[Id];

/** How long an answer of the database's health is good for. */
const HEALTH_MS = 5_000;

/** Alive is who answers; `?deep=1`, which needs a key, asks the database, once in five seconds at most. */
const createHealth = (deps: () => Promise<Deps>): Server<"getHealth"> => {
  let away = false;
  /** One line when the database goes away, and one when it is back, however often somebody asks. */
  const say = (deps: Deps, reason: string | undefined): void => {
    if (reason !== undefined && !away) deps.logger.error("health: the database can't be used", { reason });
    if (reason === undefined && away) deps.logger.info("health: the database can be used again");
    away = reason !== undefined;
  };
  let asked: { readonly atMs: number; readonly answer: ReturnType<typeof health> } | undefined;
  return async ({ key }) => {
    if (key === null) return ok({ status: "ok" });
    const use = await deps();
    const nowMs = use.time.elapsedMs();
    if (asked === undefined || nowMs - asked.atMs >= HEALTH_MS) asked = { atMs: nowMs, answer: health(use) };
    const { ok: good, detail = "The database did not answer", reason } = await asked.answer;
    say(use, good ? undefined : (reason ?? detail));
    if (!good) throw new ForgeqError("database_unavailable", detail, { logged: true });
    return ok({ status: "ok" });
  };
};

/** The page for a scraper; each process has one. */
const createMetrics = (deps: () => Promise<Deps>): Server<"getMetrics"> => {
  const page = createMetricsPage();
  return async ({ key, query }) => {
    const asked = query.queue ?? key.queues ?? undefined;
    // With queues of its own a key sees those; one of types alone sees none, for the numbers are of queues.
    const names = isBound(key) ? (asked ?? []).filter((name) => mayUseQueue(key, name)) : asked;
    return {
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      body: await page(await deps(), names),
    };
  };
};

/** @param jobs - gives the job types: no other request needs them, nor what makes the document */
export const serviceServers = (
  deps: () => Promise<Deps>,
  jobs: () => Promise<readonly JobDefinition[]>,
): Servers<typeof serviceOperations> => ({
  getMetrics: createMetrics(deps),
  getHealth: createHealth(deps),
  getOpenapi: async ({ basePath, key }) => {
    const [{ openapiDocument }, types] = await Promise.all([import("../../http/openapi.ts"), jobs()]);
    return ok(
      openapiDocument(
        types.filter((each) => maySend(key, each)),
        basePath,
      ),
    );
  },
});
