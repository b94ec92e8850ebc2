import { createServer } from "node:http";
import { expect, it, onTestFinished, vi } from "vitest";
import { createInvoker } from "../../../lib/aws/invoke.ts";
import { listen, startRelay } from "../../lambda/world/network.ts";

const setup = async () => {
  const service = createServer((request, response) => request.resume().on("end", () => response.writeHead(202).end()));
  service.keepAliveTimeout = 0;
  const relay = await startRelay(await listen(service));
  onTestFinished(() => {
    service.close();
    service.closeAllConnections();
    relay.close();
  });
  const credentials = () => ({ accessKeyId: "a", secretAccessKey: "b" });
  const invoker = createInvoker({
    region: "eu-central-1",
    credentials,
    endpoint: `http://127.0.0.1:${relay.port}`,
  });
  return { relay, invoke: () => invoker.invoke("f", {}) };
};

/** As if the environment had been frozen for so long. */
const pass = (ms: number): void => {
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
  onTestFinished(() => clock.mockRestore());
};

it("a call after a thaw does not go over a connection that has died meanwhile", async () => {
  const { relay, invoke } = await setup();
  expect(await invoke()).toEqual({ outcome: "accepted" });
  // What is open now is never answered again, and nobody is told.
  relay.silence();
  relay.restore();
  pass(1_100);
  expect(await invoke()).toEqual({ outcome: "accepted" });
  expect(relay.opened()).toBe(2);
});

it("calls that follow each other share a connection", async () => {
  const { relay, invoke } = await setup();
  for (let n = 0; n < 5; n += 1) expect(await invoke()).toEqual({ outcome: "accepted" });
  expect(relay.opened()).toBe(1);
});
