import { it } from "vitest";
import { expectHonest, setup } from "./world/scene.ts";

it("runs 500 jobs from POST to mail, once each, with environments frozen between invocations", async () => {
  const scene = await setup();
  await scene.limit(120);
  const ids = await scene.enqueue(500);
  await scene.completed(500);
  await expectHonest(scene, ids);
});

it("runs each job once although three events in ten are delivered twice", async () => {
  const scene = await setup({ duplicates: () => (Math.random() < 0.3 ? 1 : 0) });
  await scene.limit(80);
  const ids = await scene.enqueue(200);
  await scene.completed(200);
  await expectHonest(scene, ids);
});
