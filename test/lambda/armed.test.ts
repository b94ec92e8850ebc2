import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { expectHonest, LONG, type Scene, setup } from "./world/scene.ts";

const REST_SECONDS = LONG ? 65 : 4;

/** Each statement that the world saw used is about this service and stage, and one type at most. */
const expectNarrow = ({ account }: Scene, prefix: string): void => {
  const own = [
    new RegExp(`^arn:aws:lambda:eu-central-1:123456789012:function:${prefix}-[a-z_-]+$`),
    new RegExp(`^arn:aws:ssm:eu-central-1:123456789012:parameter/${prefix.replace("-", "/")}/[a-z-]+$`),
    new RegExp(`^arn:aws:scheduler:eu-central-1:123456789012:schedule/${prefix}/wake-\\*$`),
    /^arn:aws:iam::123456789012:role\/WakeRole$/,
    /^arn:aws:s3:::reports-bucket\/forgeq\/\*$/,
    /^arn:aws:(secretsmanager|kms):eu-central-1:123456789012:(secret|key)[:/][\w-]+$/,
  ];
  const wide = [...account.grants.keys()].filter((key) => !own.some((form) => form.test(key.split(" ")[2] ?? "")));
  expect(wide).toEqual([]);
  expect(account.refused).toEqual([]);
};

it("rests when nothing is due, and may do no more than it does, with a secret, a KMS key and eager invokes", async () => {
  const scene = await setup({ stage: "prod" });
  const ids = await scene.enqueue(40);
  await scene.completed(40);
  await expectHonest(scene, ids);
  const { status } = await scene.request("POST", "/jobs", {
    type: "generate_report",
    payload: { from: "2026-11-01T00:00:00Z", to: "2026-12-01T00:00:00Z" },
  });
  expect(status).toBe(201);
  await scene.completed(41);
  expect(scene.oneShots().length).toBeGreaterThan(0);
  // What is armed comes now, and finds nothing to arm again.
  scene.fire();
  await expect.poll(scene.pending, { timeout: 30_000 }).toBe(0);
  expect(scene.oneShots()).toEqual([]);
  const [sent, calls] = [scene.relay.sent(), scene.network.sent()];
  await sleep(REST_SECONDS * 1000);
  expect([scene.relay.sent() - sent, scene.network.sent() - calls]).toEqual([0, 0]);
  expect(new Set([...scene.account.grants.values()].map(({ action }) => action))).toEqual(
    new Set([
      ...["iam:PassRole", "kms:Decrypt", "lambda:InvokeFunction", "s3:PutObject", "scheduler:CreateSchedule"],
      ...["secretsmanager:GetSecretValue", "ssm:GetParameters"],
    ]),
  );
  expectNarrow(scene, "forgeq-prod");
});
