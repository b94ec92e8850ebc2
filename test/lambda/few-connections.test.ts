import { expect, it } from "vitest";
import { expectHonest, setup } from "./world/scene.ts";

it("runs 120 jobs where the database allows six connections", { timeout: 200_000 }, async () => {
  const scene = await setup();
  await scene.admin.query(`alter role ${scene.role} connection limit 6`);
  await scene.limit(120);
  const ids = await scene.enqueue(120);
  await scene.completed(120, 180);
  expect(await expectHonest(scene, ids)).toEqual({ again: 0 });
});
