import { vi } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { realTime } from "../../../lib/queue/time.ts";

/** Answers each statement of a name as the test says; any other statement fails the test. */
export const answering = (answers: Record<string, (params: readonly unknown[]) => unknown[]>) => {
  const query = vi.fn((text: string, params: readonly unknown[] = []) => {
    const name = /^\/\* forgeq:(\w+) \*\//.exec(text)?.[1] ?? "";
    const answer = answers[name];
    return answer === undefined
      ? Promise.reject(new Error(`unexpected statement ${name}`))
      : Promise.resolve(answer(params));
  });
  return { query, db: { driver: "pg", query, transaction: vi.fn(), close: vi.fn() } as unknown as Db };
};

/** Dependencies for the HTTP functions around a database; nothing is woken. */
export const httpDeps = (db: Db): Deps => ({
  db,
  clock: () => null,
  random: () => 0.5,
  sleep: () => Promise.resolve(),
  time: realTime,
  invoker: { invoke: () => Promise.resolve({ outcome: "accepted" }) },
  logger: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() },
  metrics: { count: vi.fn(), observe: vi.fn(), flush: vi.fn() },
  config: {
    service: "forgeq",
    stage: "test",
    wakeMode: "always",
    dispatcherFunction: null,
    handlerFunction: (type) => `forgeq-test-handler-${type}`,
  },
});
