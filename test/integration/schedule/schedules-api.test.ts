import { expect, it } from "vitest";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { createHandler } from "../../../functions/api.ts";
import { ALL_SCOPES, send, type TestRequest } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const api = async () => {
  const { deps } = await setup({ jobs: [sendEmail], queues: [] });
  const handler = createHandler(deps, ALL_SCOPES);
  return (request: TestRequest) => send(handler, request);
};

const daily = { name: "daily", cron: "30 9 * * 1-5", type: "send_email", payload: { email: "a@example.com" } };

it("makes, shows, lists, edits, triggers and removes a schedule", async () => {
  const call = await api();
  const made = await call({ path: "/schedules", body: { ...daily, timezone: "Europe/Berlin" } });
  expect(made).toMatchObject({
    status: 201,
    headers: { location: "/schedules/daily" },
    body: {
      name: "daily",
      timezone: "Europe/Berlin",
      payload: { email: "a@example.com" },
      overlap: "allow",
      catch_up: "skip",
      description: "At 09:30 AM, Monday through Friday",
      declared: false,
    },
  });
  expect(made.body.next_slots).toHaveLength(5);
  expect(made.body.next_slots[0]).toBe(made.body.next_slot_at);
  expect((await call({ path: "/schedules/daily" })).body).toEqual(made.body);
  expect((await call({ path: "/schedules" })).body.data).toMatchObject([{ name: "daily" }]);

  const { name: _, ...rest } = daily;
  const paused = await call({ method: "PUT", path: "/schedules/daily", body: { ...rest, paused: true } });
  expect(paused).toMatchObject({ status: 200, body: { paused: true, next_slot_at: null, timezone: "UTC" } });

  const job = await call({ method: "POST", path: "/schedules/daily/trigger" });
  expect(job).toMatchObject({ status: 201, body: { type: "send_email", metadata: { schedule: "daily" } } });

  const handler = await call({ method: "DELETE", path: "/schedules/daily" }).catch((error: unknown) => error);
  expect(handler).toBeInstanceOf(SyntaxError);
  expect((await call({ path: "/schedules/daily" })).status).toBe(404);
});

it.each([
  [{ ...daily, cron: "61 * * * *" }, 422, "invalid_schedule", "/cron"],
  [{ ...daily, timezone: "Mars" }, 422, "invalid_schedule", "/timezone"],
  [{ ...daily, cron: "0 0 30 2 *" }, 422, "invalid_schedule", "/cron"],
  [{ ...daily, overlap: "maybe" }, 422, "invalid_schedule", "/overlap"],
  [{ ...daily, more: 1 }, 422, "invalid_schedule", "/more"],
  [{ ...daily, payload: {} }, 422, "invalid_payload", "/payload/email"],
  [{ ...daily, type: "unknown" }, 422, "unknown_type", "/type"],
])("refuses %j with %i %s at %s", async (body, status, code, pointer) => {
  const call = await api();
  expect(await call({ path: "/schedules", body })).toMatchObject({ status, body: { code, errors: [{ pointer }] } });
});

it("knows nothing of a schedule that is not there, and of a name twice", async () => {
  const call = await api();
  for (const request of [
    { path: "/schedules/no" },
    { path: "/schedules/No%20name" },
    { method: "POST", path: "/schedules/no/trigger" },
    { method: "DELETE", path: "/schedules/no" },
  ])
    expect(await call(request)).toMatchObject({ status: 404, body: { code: "not_found" } });
  await call({ path: "/schedules", body: daily });
  expect(await call({ path: "/schedules", body: daily })).toMatchObject({
    status: 409,
    body: { code: "schedule_exists" },
  });
});
