import { expect, it } from "vitest";
import { functionUrlEvent, gatewayEvent, loadBalancerEvent, restApiEvent } from "./world/events.ts";
import { SECRET, setup } from "./world/scene.ts";

const CALL = {
  method: "POST",
  path: "/jobs",
  headers: { authorization: `Bearer ${SECRET}` },
  body: { type: "send_email", payload: { email: "a@example.com" } },
};

it("serves an HTTP API and a function URL, and says to others what it takes", async () => {
  const scene = await setup();
  const send = async (event: unknown) => {
    const answer = await scene.invoke("enqueue", event);
    if (answer === "throttled" || "error" in answer) return answer;
    const { statusCode, body } = answer.result as { readonly statusCode: number; readonly body: string };
    return { status: statusCode, detail: (JSON.parse(body) as { readonly detail?: string }).detail };
  };
  expect(await send(gatewayEvent(CALL, "POST /jobs"))).toEqual({ status: 201 });
  expect(await send(functionUrlEvent(CALL))).toEqual({ status: 201 });
  const marked = { ...CALL, body: `\ufeff${JSON.stringify(CALL.body)}` };
  expect(await send(gatewayEvent(marked, "POST /jobs"))).toEqual({ status: 201 });

  const takes = "This function takes events of an HTTP API in payload format 2.0 and of a function URL; this one is";
  for (const [event, sender] of [
    [restApiEvent(CALL), "of a REST API, or in payload format 1.0"],
    [loadBalancerEvent(CALL), "of an Application Load Balancer"],
    [null, "of nobody known"],
    [{}, "of nobody known"],
  ] as const)
    expect(await send(event)).toEqual({ status: 404, detail: `${takes} ${sender}` });
  expect(scene.lines.filter((line) => line.includes(takes)).length).toBe(4);
  // What the other functions make of an event that says nothing.
  for (const key of ["dispatcher", "scheduler", "failed-invocation"])
    expect(await scene.invoke(key, null)).toMatchObject({ result: expect.any(Object) });
  expect(await scene.invoke("handler-send_email", null)).toMatchObject({
    error: { errorMessage: "the event is not the dispatcher's: it names no lease" },
  });
});
