import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { enqueue } from "../../../lib/index.ts";
import { plain, setup } from "../../support/queue.ts";

const clientsOf = async (url: string): Promise<[pg.Client, pg.Client]> => {
  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  };
  return [await connect(), await connect()];
};

/** The code of what a call throws, by which helpers that repeat transactions decide. */
const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => null,
    (error: unknown) => (error as { code?: unknown }).code,
  );

it("leaves a serialization failure what it is", async () => {
  const { url } = await setup();
  const [first, second] = await clientsOf(url);
  await second.query("begin isolation level repeatable read");
  await second.query("select count(*) from forgeq.job");
  await enqueue(first, plain, {}, { uniqueKey: "one" });
  expect(await codeOf(enqueue(second, plain, {}, { uniqueKey: "one" }))).toBe("40001");
});

it("leaves a deadlock what it is", async () => {
  const { url } = await setup();
  const [first, second] = await clientsOf(url);
  for (const client of [first, second]) await client.query("set deadlock_timeout = '50ms'; begin");
  await enqueue(first, plain, {}, { uniqueKey: "x" });
  await enqueue(second, plain, {}, { uniqueKey: "y" });
  const codes = await Promise.all([
    codeOf(enqueue(first, plain, {}, { uniqueKey: "y" })),
    codeOf(enqueue(second, plain, {}, { uniqueKey: "x" })).then(async (code) => {
      await second.query("rollback");
      return code;
    }),
  ]);
  expect(codes).toContain("40P01");
});

it("leaves the state of a transaction what it is: read only, or failed", async () => {
  const { url } = await setup();
  const [client] = await clientsOf(url);
  await client.query("begin read only");
  expect(await codeOf(enqueue(client, plain, {}))).toBe("25006");
  expect(await codeOf(enqueue(client, plain, {}))).toBe("25P02");
});

it("names its own errors all the same", async () => {
  const { url } = await setup();
  const [client] = await clientsOf(url);
  expect(await codeOf(enqueue(client, { ...plain, type: "unheard_of" }, {}))).toBe("unknown_type");
});
