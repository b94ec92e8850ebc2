/** A stand-in of EventBridge Scheduler's CreateSchedule for this machine: one-shots by name, that invoke a function and are gone. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";
import { reasonOf } from "../core/reason.ts";
import { behindSecret, isFromPage, newSecret } from "./callers.ts";

export interface WakeScheduler {
  /** A secret is part of it. */
  readonly endpoint: string;
  /** The names of the wakes to come. */
  readonly armed: () => string[];
  close(): Promise<void>;
}

const PATH = /^\/schedules\/([0-9a-zA-Z-_.]{1,64})$/;
const LONGEST_TIMER_MS = 3_600_000;

const Request = z.object({
  ActionAfterCompletion: z.literal("DELETE"),
  ClientToken: z.string().max(64),
  FlexibleTimeWindow: z.object({ Mode: z.literal("OFF") }),
  GroupName: z.string(),
  ScheduleExpression: z.string().regex(/^at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)$/),
  ScheduleExpressionTimezone: z.literal("UTC"),
  Target: z.object({ Arn: z.string(), RoleArn: z.string(), Input: z.string() }),
});

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return null;
  }
};

/**
 * @param invoke - the asynchronous invoke of a function by its name
 */
export const startWakeScheduler = async (
  invoke: (functionName: string, event: unknown) => Promise<unknown>,
  onLog: (line: string) => void = () => undefined,
): Promise<WakeScheduler> => {
  const secret = newSecret();
  const timers = new Map<string, NodeJS.Timeout>();

  const wait = (name: string, atMs: number, fire: () => void): void => {
    const leftMs = atMs - Date.now();
    const due = leftMs <= LONGEST_TIMER_MS;
    const next = () => (due ? (timers.delete(name), fire()) : wait(name, atMs, fire));
    timers.set(name, setTimeout(next, Math.max(0, Math.min(leftMs, LONGEST_TIMER_MS))).unref());
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const reply = (status: number, body: unknown, type?: string) =>
      response
        .writeHead(status, {
          "content-type": "application/json",
          ...(type === undefined ? {} : { "x-amzn-errortype": type }),
        })
        .end(JSON.stringify(body));
    const path = behindSecret(secret, request.url);
    if (path === null || isFromPage(request))
      return void reply(403, { Message: "Not for web pages, nor without the secret" }, "AccessDeniedException");
    const [, name] = PATH.exec(path) ?? [];
    const { data } = Request.safeParse(await readJson(request));
    if (request.method !== "POST" || name === undefined || data === undefined)
      return void reply(400, { Message: "Invalid request" }, "ValidationException");
    if (timers.has(name)) return void reply(409, { Message: `Schedule ${name} already exists.` }, "ConflictException");
    const atMs = Date.parse(`${data.ScheduleExpression.slice(3, -1)}Z`);
    wait(name, atMs, () => {
      invoke(data.Target.Arn.split(":function:")[1] ?? "", JSON.parse(data.Target.Input)).catch((error: unknown) =>
        onLog(`${name} could not be delivered: ${reasonOf(error)}`),
      );
    });
    reply(200, { ScheduleArn: `arn:aws:scheduler:local:000000000000:schedule/${data.GroupName}/${name}` });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${secret}`,
    armed: () => [...timers.keys()],
    close: async () => {
      for (const timer of timers.values()) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
