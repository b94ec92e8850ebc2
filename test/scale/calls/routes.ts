/** Every route of the HTTP API, through its handler. */
import { item, idsOf, type World } from "../world.ts";
import { PAYLOAD } from "../definitions.ts";

const jobRoutes = async (world: World): Promise<void> => {
  const { sizes, send, call, measure } = world;
  const body = (more: object = {}) => ({ type: "send_email", payload: PAYLOAD, ...more });
  await call("POST /jobs", () => send({ path: "/jobs", body: body() }));
  await call("POST /jobs, id given", () => send({ path: "/jobs", body: body({ id: item().id }) }));
  const batch = { jobs: Array.from({ length: 1_000 }, () => body()) };
  await call("POST /jobs/batch of 1,000", () => send({ path: "/jobs/batch", body: batch }));
  for (const query of ["", "state=scheduled", "state=dead&queue=reports", "state=dead&include=attempts"])
    await call(`GET /jobs${query && `?${query}`}`, () => send({ path: "/jobs", query }));
  const free = await idsOf(
    world,
    "select id from forgeq.job where claim_id is null and queue = 'crawl' order by id desc limit 20",
  );
  const byId = (name: string, ids: () => string, path: (id: string) => string, method: string) =>
    measure(name, () => {
      const id = ids();
      return Promise.resolve(() => send({ method, path: path(id) }));
    });
  await byId("GET /jobs/{id}", free, (id) => `/jobs/${id}`, "GET");
  await byId("POST /jobs/{id}/cancel", free, (id) => `/jobs/${id}/cancel`, "POST");
  if (sizes.finished === 0) return;
  const dead = await idsOf(
    world,
    "select id from forgeq.job_history where state = 'dead' and unique_key is null and finished_at between now() - interval '20 days' and now() - interval '10 days' limit 20",
  );
  await byId("POST /jobs/{id}/retry", dead, (id) => `/jobs/${id}/retry`, "POST");
};

const queueRoutes = async ({ send, call, measure }: World): Promise<void> => {
  const put = (path: string, body: object) => () => send({ method: "PUT", path, body });
  await call("GET /queues", () => send({ path: "/queues" }));
  await call("GET /queues/{name}", () => send({ path: "/queues/emails" }));
  await call("PUT /queues/{name}", put("/queues/crawl", { max_in_flight: 10_000 }));
  await call("PUT /queues/{name}, max_pending", put("/queues/emails", { max_pending: 100_000_000 }));
  await put("/queues/emails", { max_pending: null })();
  await call("POST /queues/{name}/pause", () => send({ method: "POST", path: "/queues/emails/pause" }));
  await call("POST /queues/{name}/resume", () => send({ method: "POST", path: "/queues/emails/resume" }));
  await measure("DELETE /queues/{name}", async () => {
    await put("/queues/short_lived", { types: ["send_email"] })();
    return () => send({ method: "DELETE", path: "/queues/short_lived" });
  });
};

const scheduleRoutes = async ({ sizes, send, call, measure }: World): Promise<void> => {
  const schedule = { cron: "0 3 1 1 *", type: "send_email", payload: PAYLOAD };
  let made = 0;
  await measure("POST /schedules", () => {
    const name = `made_${(made += 1)}`;
    return Promise.resolve(() => send({ path: "/schedules", body: { name, ...schedule } }));
  });
  await call("GET /schedules/{name}", () => send({ path: "/schedules/made_1" }));
  await call("PUT /schedules/{name}", () => send({ method: "PUT", path: "/schedules/made_1", body: schedule }));
  await call("POST /schedules/{name}/trigger", () => send({ method: "POST", path: "/schedules/made_1/trigger" }));
  await measure("DELETE /schedules/{name}", () => {
    const name = `made_${made--}`;
    return Promise.resolve(() => send({ method: "DELETE", path: `/schedules/${name}` }));
  });
  if (sizes.schedules > 0) await call("GET /schedules", () => send({ path: "/schedules" }));
};

/** What shows activity. An overview is kept for a second: what is counted is the first. */
const activityRoutes = async ({ send, call }: World): Promise<void> => {
  await call("GET /overview", () => send({ path: "/overview" }), { warm: 0, runs: 1, locks: false });
  for (const window of ["1h", "24h", "7d", "30d"])
    await call(`GET /stats?window=${window}`, () => send({ path: "/stats", query: `window=${window}` }));
  for (const path of ["/jobs/counts", "/errors", "/leases", "/workers", "/types"])
    await call(`GET ${path}`, () => send({ path }));
  await call("GET /errors?type=send_email", () => send({ path: "/errors", query: "type=send_email" }));
};

export const routeCalls = async (world: World): Promise<void> => {
  await jobRoutes(world);
  await queueRoutes(world);
  await scheduleRoutes(world);
  // Kept for ten seconds: what is counted is the first.
  await world.call("GET /metrics", () => world.send({ path: "/metrics" }), { warm: 0, runs: 1, locks: false });
  await activityRoutes(world);
  await world.call("GET /health", () => world.send({ path: "/health" }));
};
