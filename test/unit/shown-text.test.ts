import { describe, expect, it } from "vitest";
import { shownText } from "../../lib/queue/run/shown-text.ts";
import { toAttemptError } from "../../lib/queue/run/attempt.ts";

const FOLDER = "/srv/app";

describe("shownText", () => {
  it.each([
    ["connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED a private address:5432"],
    ["connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED a private address:5432"],
    [
      "connect ETIMEDOUT 10.2.3.4:25 - Local (192.168.1.7:4242)",
      "connect ETIMEDOUT a private address:25 - Local (a private address:4242)",
    ],
    ["vm is at 172.20.0.9, not public", "vm is at a private address, not public"],
    ["[fd00::12] and fe80::1 and ::ffff:10.0.0.1", "[a private address] and a private address and a private address"],
    ["the metadata at http://169.254.169.254/latest", "the metadata at http://a private address/latest"],
    ["connect ECONNREFUSED 93.184.216.34:80", "connect ECONNREFUSED 93.184.216.34:80"],
    [
      "2606:4700::1111 answered at 12:30:45, version 1.10.0.1.2",
      "2606:4700::1111 answered at 12:30:45, version 1.10.0.1.2",
    ],
  ])("hides private addresses alone: %s", (text, shown) => expect(shownText(text, FOLDER)).toBe(shown));

  it("keeps of a stack's files where they are in the project or in a package", () => {
    const stack = [
      "Error: no file /srv/app/functions/x.ts, see https://example.com/a/b",
      "    at work (file:///srv/app/functions/handlers/x/handler.ts:3:9)",
      "    at async /srv/app/node_modules/pg/lib/client.js:526:11",
      "    at run (/opt/tools/node_modules/.pnpm/forgeq/node_modules/forgeq/lib/run.js:1:2)",
      "    at node:internal/process/task_queues:95:5",
      "    at /root/secret-place/script.mjs:7:1",
    ];
    expect(shownText(stack.join("\n"), FOLDER).split("\n")).toEqual([
      "Error: no file functions/x.ts, see https://example.com/a/b",
      "    at work (functions/handlers/x/handler.ts:3:9)",
      "    at async node_modules/pg/lib/client.js:526:11",
      "    at run (node_modules/forgeq/lib/run.js:1:2)",
      "    at node:internal/process/task_queues:95:5",
      "    at script.mjs:7:1",
    ]);
  });

  it("knows the project's folder in the URL of a file", () => {
    const text = "    at work (file:///srv/c%23/50%2520off/functions/x.ts:3:9)";
    expect(shownText(text, "/srv/c#/50%20off")).toBe("    at work (functions/x.ts:3:9)");
  });

  it("keeps the name of a file of which the system says something", () => {
    const text = "EACCES: permission denied, open '/var/lib/reports/a.csv'";
    expect(shownText(text, FOLDER, ["/var/lib/reports/a.csv"])).toBe("EACCES: permission denied, open 'a.csv'");
  });

  it("takes no longer for a text that is made to be slow", () => {
    for (const piece of ["1:", "1.", "/a", "a:1:", "::", "    at /"])
      expect(shownText(piece.repeat(20_000), FOLDER).length).toBeGreaterThan(0);
  });
});

it("an attempt's error tells no path and no private address of the server", () => {
  const cause = Object.assign(new Error("ENOENT: no such file, open '/etc/forgeq/smtp' at 10.0.0.7"), {
    path: "/etc/forgeq/smtp",
  });
  const { message, stack } = toAttemptError(cause);
  expect(message).toBe("ENOENT: no such file, open 'smtp' at a private address");
  expect(stack).toContain("at test/unit/shown-text.test.ts:");
  expect(stack).not.toContain(process.cwd());
  expect(stack).not.toMatch(/10\.0\.0\.7|\/etc\//);
  expect(toAttemptError("127.0.0.1 said no")).toEqual({ name: "Error", message: "a private address said no" });
});
