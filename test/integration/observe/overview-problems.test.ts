/** What the overview says of things that are wrong. */
import { expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { keysWith, ALL_SCOPES, send } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const SCHEDULES = `
insert into forgeq.schedule (name, id, cron, timezone, type, payload, paused, decided_until, next_slot_at)
select name, gen_random_uuid(), '* * * * *', 'UTC', 'plain', '{}', name = 'paused', $1::timestamptz - interval '1 day', $1::timestamptz - make_interval(secs => late)
from (values ('late', 2500), ('later', 90000), ('paused', 5000), ('in_time', 100), ('to_come', -60)) as s(name, late)`;

it("names the schedules whose slot has passed and was not fired, the latest first", async () => {
  const s = await setup();
  const handler = createHandler(s.deps, ALL_SCOPES);
  expect((await send(handler, { path: "/overview" })).body.overdue_schedules).toEqual([]);
  await s.db.query(SCHEDULES, [s.at(0)]);
  s.moveTo(2);
  expect((await send(createHandler(s.deps, ALL_SCOPES), { path: "/overview" })).body.overdue_schedules).toEqual([
    { name: "later", next_slot_at: s.at(-90_000).toISOString() },
    { name: "late", next_slot_at: s.at(-2_500).toISOString() },
  ]);
});

it("shows the newest message of a group as it was, to who may read it", async () => {
  const s = await setup();
  await s.queue.enqueue(2);
  const held = await s.queue.lease();
  for (const [n, id] of held.jobIds.entries()) {
    const error = { name: "HttpError", message: `503 from customer ${n}` };
    s.moveTo(n + 1);
    await s.queue.settle({ ...held, jobIds: [id] }, "dead", { error });
  }
  const errors = async (scopes: string) =>
    (await send(createHandler(s.deps, scopes), { path: "/errors", query: "window=1h" })).body;
  expect(await errors(ALL_SCOPES)).toMatchObject({
    data: [{ name: "HttpError", message: "# from customer #", example: "503 from customer 1", dead: 2 }],
  });
  const masked = await errors(keysWith("jobs:read"));
  expect(masked).toMatchObject({ data: [{ name: "HttpError", message: null, example: null }] });
  expect(masked.hidden).toEqual(["message", "example"]);
});
