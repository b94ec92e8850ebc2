import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { endpointOf } from "../../lib/aws/request.ts";
import { createArmer, createScheduleInput } from "../../lib/aws/scheduler.ts";
import { startWakeScheduler } from "../../lib/local/wake-scheduler.ts";
import { onceAMinute, wakeMinute } from "../../lib/queue/wake/arm.ts";
import { listen } from "../lambda/world/network.ts";

const MINUTE_MS = 60_000;
const at = (text: string): number => Date.parse(`2026-11-24T${text}Z`);

describe("wakeMinute", () => {
  it.each([
    ["12:30:10", 600, "12:39", "the minute before it"],
    ["12:30:10", 590, "12:39", "also when it is on the minute"],
    ["12:30:10", 589, "12:38", "and one earlier when it is just before it"],
    ["12:30:10", 90, "12:31", "never the current minute"],
    ["12:30:10", 0, "12:31", "the next one for what is due"],
    ["12:30:56", 0, "12:32", "but not one that may have begun by another clock"],
  ])("at %s, for something in %i s, is %s: %s", (now, seconds, minute) => {
    expect(wakeMinute(at(now), seconds)).toBe(at(`${minute}:00`));
  });
});

describe("onceAMinute", () => {
  it("asks once for a minute, and again for what failed", async () => {
    const arm = vi.fn().mockResolvedValueOnce({ outcome: "failed" }).mockResolvedValue({ outcome: "armed" });
    const armer = onceAMinute({ arm });
    expect(await armer.arm(0)).toEqual({ outcome: "failed" });
    await Promise.all([armer.arm(0), armer.arm(0), armer.arm(0)]);
    await armer.arm(MINUTE_MS);
    expect(arm.mock.calls).toEqual([[0], [0], [MINUTE_MS]]);
  });
});

const target = {
  group: "forgeq-prod",
  targetArn: "arn:aws:lambda:eu-central-1:123456789012:function:forgeq-prod-scheduler",
  roleArn: "arn:aws:iam::123456789012:role/forgeq-prod-WakeRole",
};
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token" };

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

/** What the SDK's client puts on the wire for an input. */
const sentBySdk = async (input: ReturnType<typeof createScheduleInput>): Promise<Sent> => {
  const sent = Promise.withResolvers<Sent>();
  const client = new SchedulerClient({
    region: "eu-central-1",
    credentials,
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { method: string; path: string; headers: Record<string, string>; body: Uint8Array }) => {
        sent.resolve({ ...request, body: JSON.parse(new TextDecoder().decode(request.body)) });
        throw new Error("seen");
      },
    } as never,
  });
  await client.send(new CreateScheduleCommand(input)).catch(() => undefined);
  return sent.promise;
};

/** Takes one request, and says yes. */
const startService = async (): Promise<{ readonly endpoint: string; readonly sent: Promise<Sent> }> => {
  const sent = Promise.withResolvers<Sent>();
  const server = createServer((request, response) => {
    const { method = "", url: path = "" } = request;
    const headers = request.headers as Sent["headers"];
    sent.resolve(json(request).then((body) => ({ method, path, headers, body })));
    response.end("{}");
  });
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  return { endpoint: `http://127.0.0.1:${await listen(server)}`, sent: sent.promise };
};

describe("createArmer", () => {
  it("sends what the AWS SDK serialises for the same input, signed for the same service", async () => {
    const service = await startService();
    const region = "eu-central-1";
    const armer = createArmer({ ...target, region, credentials: () => credentials, endpoint: service.endpoint });
    expect(await armer.arm(at("12:59:00"))).toEqual({ outcome: "armed" });

    const sdk = await sentBySdk(createScheduleInput(target, at("12:59:00")));
    expect(endpointOf("scheduler", { region, credentials: () => credentials })).toBe(`https://${sdk.headers["host"]}`);
    const { method, path, headers, body } = await service.sent;
    expect({ method, path, body }).toEqual({ method: sdk.method, path: sdk.path, body: sdk.body });
    expect(headers["content-type"]).toBe(sdk.headers["content-type"]);
    const scope = /Credential=AKIDEXAMPLE\/\d{8}\/([^,]*),/;
    expect(scope.exec(headers["authorization"]!)?.[1]).toBe(scope.exec(sdk.headers["authorization"]!)?.[1]);
    expect(headers["x-amz-security-token"]).toBe("token");
  });

  it("names one shot by its minute, and says until when to sleep", () => {
    expect(createScheduleInput(target, at("12:59:00"))).toMatchObject({
      Name: "wake-20261124T1259",
      ScheduleExpression: "at(2026-11-24T12:59:00)",
      ActionAfterCompletion: "DELETE",
      Target: { Input: '{"until":"2026-11-24T13:00:00.000Z"}' },
    });
  });

  it("takes a conflict for what is armed already, and never throws", async () => {
    const invoked: unknown[] = [];
    const scheduler = await startWakeScheduler(async (name, event) => invoked.push([name, event]));
    const armer = createArmer({
      ...target,
      region: "us-east-1",
      credentials: () => credentials,
      endpoint: scheduler.endpoint,
    });
    try {
      const later = Date.now() + 10 * MINUTE_MS;
      expect(await armer.arm(later)).toEqual({ outcome: "armed" });
      expect(await armer.arm(later)).toEqual({ outcome: "armed_before" });
      expect(scheduler.armed()).toHaveLength(1);
      // One of a minute that has begun fires immediately, and is gone.
      await armer.arm(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS);
      await vi.waitFor(() => expect(invoked).toEqual([["forgeq-prod-scheduler", { until: expect.any(String) }]]));
      expect(scheduler.armed()).toHaveLength(1);
    } finally {
      await scheduler.close();
    }
    expect(await armer.arm(Date.now() + 20 * MINUTE_MS)).toMatchObject({ outcome: "failed" });
  });
});
