import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as own from "../../../lib/core/errors.ts";
import { run } from "../../support/lambda/run.ts";
import { setup } from "../../support/queue.ts";

let folder: string;
let copy: typeof own;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forgeq-copy-"));
  copyFileSync(new URL("../../../lib/core/errors.ts", import.meta.url), join(folder, "errors.ts"));
  copy = (await import(pathToFileURL(join(folder, "errors.ts")).href)) as typeof own;
});
afterAll(() => rmSync(folder, { recursive: true }));

it("knows the errors of another copy of the library, as each package of a monorepo may have one", async () => {
  expect(copy.PermanentError).not.toBe(own.PermanentError);
  const s = await setup();
  const thrown = [
    new copy.PermanentError("never"),
    new copy.RetryAfter(77),
    new copy.ForgeqError("chain_too_deep", "too deep"),
    new (class OfTheApplication extends copy.PermanentError {})("never"),
    new Error("an ordinary one"),
  ];
  const ids = await s.queue.enqueue(thrown.length);
  await run(s, (_, job) => Promise.reject(thrown[ids.indexOf(job.id)]!));
  const jobs = await Promise.all(ids.map((id) => s.queue.get(id)));
  expect(jobs.map(({ state }) => state)).toEqual(["dead", "scheduled", "dead", "dead", "scheduled"]);
  expect(jobs[1]).toMatchObject({ runAt: s.at(77), error: { name: "RetryAfter" } });
  expect(jobs[4]).toMatchObject({ runAt: s.at(10) });
});

it("leaves instanceof as it is for what is neither marked nor extends a marked class", () => {
  class Sub extends own.ForgeqError {}
  const sub = new Sub("busy", "no");
  expect([sub instanceof Sub, sub instanceof own.ForgeqError, sub instanceof copy.ForgeqError]).toEqual([
    true,
    true,
    true,
  ]);
  expect(new own.ForgeqError("busy", "no") instanceof Sub).toBe(false);
  for (const other of [null, undefined, 1, {}, new Error("no"), new own.RetryAfter(1)])
    expect(other instanceof own.PermanentError).toBe(false);
});
