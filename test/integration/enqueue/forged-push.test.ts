import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { clientConfig } from "../../../lib/db/drivers/pg.ts";
import { offerCapacity } from "../../../lib/db/protocol/capacity-offer.ts";
import { createPushAddress } from "../../../lib/db/protocol/push-address.ts";
import { JOB } from "../../support/worker/local-start.ts";
import { setupPushes } from "../../support/worker/push.ts";
import { until } from "../../support/worker/worker.ts";

const connectTo = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client(clientConfig(url));
  await client.connect();
  onTestFinished(() => client.end());
  return client;
};

/** A listening worker that offers capacity, and what it has run. */
const setupWorker = async () => {
  const s = await setupPushes();
  const ran: string[] = [];
  const { worker } = await s.startOffering(async (_, job) => void ran.push(job.id));
  const ignored = () => worker.describe().state["pushesIgnored"];
  return { ...s, ran, worker, ignored };
};

/** A role that may read whatever its owner may grant, under a name that no other test uses. */
const connectReader = async (s: Awaited<ReturnType<typeof setupWorker>>): Promise<pg.Client> => {
  const { pathname, password } = new URL(s.url);
  const role = `reader_${pathname.slice(1)}`;
  await s.db.query(`create role ${role} login password '${password}'`);
  onTestFinished(async () => {
    await s.db.query(`drop owned by ${role}`);
    await s.db.query(`drop role ${role}`);
  });
  await s.db.query(`grant usage on schema forgeq to ${role}`);
  await s.db.query(`grant select on all tables in schema forgeq to ${role}`);
  await s.db.query(`grant pg_read_all_data, pg_read_all_stats to ${role}`);
  const url = new URL(s.url);
  url.username = role;
  return connectTo(url.href);
};

it("is on a channel that a role which may read everything can't name, and so receives nothing", async () => {
  const s = await setupWorker();
  const reader = await connectReader(s);
  const heard: string[] = [];
  reader.on("notification", ({ channel }) => heard.push(channel));

  const texts: string[] = [];
  const { rows: tables } = await reader.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'forgeq'",
  );
  for (const { name } of tables) {
    const { rows } = await reader.query<{ text: string }>(`select t::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  const { rows: activity } = await reader.query<{ query: string }>("select query from pg_stat_activity");
  texts.push(...activity.map(({ query }) => query));
  expect(texts.join("\n")).not.toContain(s.worker.address.channel.slice("forgeq_".length));
  expect((await reader.query("select from forgeq.worker_capacity")).rowCount).toBe(0);

  const ids = texts.flatMap((text) => text.match(/[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}/g) ?? []);
  const names = new Set([...ids, s.worker.id].flatMap((id) => [`forgeq_${id}`, `forgeq_${id.replaceAll("-", "")}`]));
  for (const name of names) await reader.query(`listen ${pg.escapeIdentifier(name)}`);
  expect((await s.enqueue(JOB))[0]!.job.state).toBe("running");
  await until(() => s.ran.length === 1);
  expect(heard).toEqual([]);
});

it("starts nothing, and is counted, when it is forged, cut off, sent again, or meant for another worker", async () => {
  const s = await setupWorker();
  // Who can name the channel all the same, as a superuser.
  const eavesdropper = await connectTo(s.url);
  const sent: string[] = [];
  eavesdropper.on("notification", ({ payload = "" }) => sent.push(payload));
  await eavesdropper.query(`listen ${s.worker.address.channel}`);
  const [enqueued] = await s.enqueue(JOB);
  await until(() => s.ran.length === 1 && sent.some((payload) => payload.includes(enqueued!.job.id)));
  const push = sent.find((payload) => payload.includes(enqueued!.job.id))!;
  const message = push.slice(push.indexOf("\n") + 1);
  const header = { lease: "", type: "plain", queue: "plain", seconds: 60, max_attempts: 1, ids: [""] };
  const forgeries = {
    "sent again": push,
    "cut off": push.slice(0, -1),
    "without a code": message,
    "with a code of zeros": `${"0".repeat(64)}\n${message}`,
    "with other words": push.replace('"n":1', '"n":2'),
    "of no job": `${JSON.stringify(header)}\n{"n":1}`,
    empty: "",
  };
  for (const forged of Object.values(forgeries)) {
    await s.db.query("select pg_notify($1, $2)", [s.worker.address.channel, forged]);
  }
  const other = await s.startOffering(async () => void s.ran.push("another's"));
  await s.db.query("select pg_notify($1, $2)", [other.worker.address.channel, push]);

  await until(() => other.worker.describe().state["pushesIgnored"] === 1);
  await until(() => s.ignored() === Object.keys(forgeries).length);
  expect(s.ran).toEqual([enqueued!.job.id]);
});

it("is opened with the keys of the last offers, and not with older ones", () => {
  const address = createPushAddress();
  const keys = [0, 9_999, 10_000, 20_000, 30_000].map((atMs) => address.keyOf(atMs));
  expect(new Set(keys).size).toBe(4);
  expect(keys[0]).toBe(keys[1]);
  expect(address.keyOf(40_000)).not.toBe(keys[4]);
  expect(createPushAddress().channel).not.toBe(address.channel);
});

it("finds its way to a worker that takes its offer back in that moment", async () => {
  const s = await setupWorker();
  const of = () => s.db.query("select channel, key from forgeq.worker_capacity where worker = $1", [s.worker.id]);
  const before = await of();
  expect(before).toEqual([{ channel: s.worker.address.channel, key: expect.any(Buffer) as Buffer }]);
  const offer = { queues: null, types: [], seconds: 0 };
  await offerCapacity(s.db, { worker: s.worker.id, offer, invocation: null, at: null });
  expect(await of()).toEqual(before);
});
