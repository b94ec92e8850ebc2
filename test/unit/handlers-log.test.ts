import { describe, expect, it } from "vitest";
import { jsonLogger } from "../../lib/logger.ts";
import { handlersLogger } from "../../lib/queue/run/log-fields.ts";

const start = (level = "info") => {
  const lines: string[] = [];
  const log = handlersLogger(
    jsonLogger(level, (line) => lines.push(line)),
    () => ({ job: "its id", type: "plain" }),
  );
  return { log, last: () => JSON.parse(lines.at(-1) ?? "null") as Record<string, unknown>, lines };
};

const circular: Record<string, unknown> = { name: "round" };
circular["self"] = circular;

describe("a handler's log", () => {
  it.each<[string, unknown, unknown]>([
    ["BigInt", 10n, "10"],
    ["cycle", circular, { name: "round", self: "(circular)" }],
    ["object met twice", [circular["none"], { a: 1 }, { a: 1 }], [null, { a: 1 }, { a: 1 }]],
    ["date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["toJSON that throws", { toJSON: () => { throw new Error("no"); } }, "(can't be shown)"], // prettier-ignore
    ["getter that throws", Object.defineProperty({}, "a", { enumerable: true, get: () => { throw new Error("no"); } }), { a: "(can't be shown)" }], // prettier-ignore
    ["symbol", Symbol("a"), "Symbol(a)"],
  ])("takes a %s", (_, given, written) => {
    const { log, last } = start();
    log.info("a line", { field: given });
    expect(last()).toMatchObject({ level: "INFO", message: "a line", job: "its id", field: written });
  });

  it("writes an error's name, message, causes and stack", () => {
    const { log, last } = start();
    log.error("no", { error: new Error("detail", { cause: new Error("why") }) });
    expect(last()["error"]).toMatchObject({
      name: "Error",
      message: "detail: why",
      stack: expect.stringContaining("at "),
    });
  });

  it("takes what is no fields, and no text, and keeps its own fields", () => {
    const { log, last } = start();
    const untyped = (message: unknown, fields?: unknown) =>
      log.warn(message as string, fields as Record<string, unknown>);
    untyped(new Error("as a message"), new Error("as fields"));
    expect(last()).toMatchObject({ message: "as a message", error: { message: "as fields" } });
    untyped("a text", "for fields");
    expect(last()).toMatchObject({ value: "for fields" });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    untyped(proxy, proxy);
    expect(last()).toMatchObject({ level: "WARN", type: "plain" });
    untyped("a text", { job: "another", level: "none", timestamp: 0, message: "other" });
    expect(last()).toMatchObject({ job: "its id", level: "WARN", message: "a text", timestamp: expect.any(String) });
  });

  it("writes nothing below its level", () => {
    const { log, lines } = start("warn");
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(lines).toHaveLength(2);
    const { log: all, lines: every } = start("debug");
    all.debug("a");
    expect(every).toHaveLength(1);
    const { log: unknown, lines: some } = start("loud");
    unknown.debug("a");
    unknown.info("b");
    expect(some).toHaveLength(1);
  });
});
