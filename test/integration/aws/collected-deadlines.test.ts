import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const CHILD = fileURLToPath(new URL("../../support/aws/collected.ts", import.meta.url));

/** Takes requests, and says `answer` to each, which is never all. */
const startSilentServer = async (answer: string): Promise<string> => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).once("data", () => socket.write(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

it.each([
  ["says nothing", ""],
  ["stops in the middle of its answer", 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"a":'],
])(
  "the deadline of every AWS call outlives a garbage collection, where the server %s",
  { timeout: 60_000 },
  async (_, answer) => {
    const endpoint = await startSilentServer(answer);
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", CHILD, endpoint], {
      timeout: 50_000,
    }).catch((error: unknown) => error as { stdout: string });
    expect(stdout.trim().split("\n").sort()).toEqual(["invoke", "s3", "scheduler", "ssm"]);
  },
);
