import { expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { setup } from "./world/scene.ts";

const WAKES_MS = 1_000;

it("waits for a database that wakes in a second; of one that takes longer a caller hears before the function's time is up", async () => {
  const scene = await setup();
  const post = (id: string) =>
    scene.request("POST", "/jobs", { id, type: "send_email", payload: { email: "a@example.com" } });

  scene.relay.sleep();
  setTimeout(scene.relay.wake, WAKES_MS);
  expect((await post(uuidV7())).status).toBe(201);

  await scene.completed(1);
  for (const each of scene.environments("enqueue")) each.kill();
  await expect.poll(() => scene.environments("enqueue")).toEqual([]);
  scene.relay.sleep();
  const id = uuidV7();
  const { status, body } = await post(id);
  expect({ status, code: body.code }).toEqual({
    status: 503,
    code: expect.stringMatching(/^(database_unavailable|too_slow)$/),
  });
  scene.relay.wake();
  expect((await post(id)).status).toBe(201);
  await scene.completed(2);
});
