import { afterEach, describe, expect, it, vi } from "vitest";
import { endpointOf } from "../../../lib/aws/request.ts";
import { forgetParameters, getParameter } from "../../../lib/aws/ssm.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { type SeenRequest, startSsm } from "../../support/aws/stand-in.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const credentials = () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token" });
const accessTo = (endpoint: string) => ({ region: "eu-central-1", credentials, endpoint });
const namesOf = ({ body }: SeenRequest) => (JSON.parse(body) as { Names: string[] }).Names;

const THROTTLED = { status: 400, body: { __type: "ThrottlingException", message: "Rate exceeded" } };

/** As many refusals as given, then answers. */
const first = (times: number, refusal: { status: number; body: unknown }) => {
  let left = times;
  return () => (left-- > 0 ? refusal : undefined);
};

afterEach(() => forgetParameters(["/a", "/b", "/gone"]));

describe("getParameter", () => {
  it("reads what will be needed too by one signed GetParameters, keeps each, and asks again for what is to be forgotten", async () => {
    const { seen, endpoint } = await startSsm({ "/a": "1", "/b": "2" });
    const access = accessTo(endpoint);
    expect(await getParameter("/a", access, ["/b"])).toBe("1");
    expect(await getParameter("/b", access, ["/a"])).toBe("2");
    expect(seen.map(namesOf)).toEqual([["/a", "/b"]]);
    expect(seen[0]).toMatchObject({
      operation: "GetParameters",
      headers: {
        "x-amz-security-token": "token",
        authorization: expect.stringContaining("/eu-central-1/ssm/aws4_request") as string,
      },
    });
    forgetParameters(["/b"]);
    expect(await getParameter("/b", access, ["/a"])).toBe("2");
    expect(seen.map(namesOf)).toEqual([["/a", "/b"], ["/b"]]);
  });

  it("asks again when it is throttled, which is HTTP 400", async () => {
    const { seen, endpoint } = await startSsm({ "/a": "1" }, first(2, THROTTLED));
    expect(await getParameter("/a", accessTo(endpoint))).toBe("1");
    expect(seen).toHaveLength(3);
  });

  it.each([
    [{ __type: "AccessDeniedException", Message: "no right" }, /AccessDeniedException: no right/],
    [{ __type: "com.amazonaws.kms#InvalidKeyId", message: "no key" }, /InvalidKeyId: no key/],
  ])("says why it was refused, and does not ask again: %j", async (body, reason) => {
    const { seen, endpoint } = await startSsm({}, () => ({ status: 400, body }));
    await expect(getParameter("/a", accessTo(endpoint))).rejects.toMatchObject({
      code: "secrets_unavailable",
      message: expect.stringMatching(reason) as string,
    });
    expect(seen).toHaveLength(1);
  });

  it("says that a parameter does not exist, which is no failure of another one", async () => {
    const { endpoint } = await startSsm({ "/a": "1" });
    expect(await getParameter("/a", accessTo(endpoint), ["/gone"])).toBe("1");
    await expect(getParameter("/gone", accessTo(endpoint), ["/a"])).rejects.toThrow(
      "the SSM parameter /gone can't be read: it does not exist",
    );
  });
});

describe("a function whose secrets are parameters", () => {
  const setup = async (refuse?: () => { status: number; body: unknown } | undefined) => {
    const { url } = await createTestDatabase();
    const ssm = await startSsm({ "/a": url, "/b": ALL_SCOPES }, refuse);
    vi.stubEnv("AWS_ENDPOINT_URL_SSM", ssm.endpoint);
    vi.stubEnv("FORGEQ_DATABASE_URL_PARAMETER", "/a");
    vi.stubEnv("FORGEQ_API_KEYS_PARAMETER", "/b");
    vi.resetModules();
    // A process that has read nothing yet.
    const { runtime } = await import("../../../lib/runtime.ts");
    const { handler: enqueue } = await import("../../../functions/enqueue.ts");
    const close = async () => (await runtime().deps()).db.close();
    return { ssm, enqueue, close };
  };
  const JOB = { path: "/jobs", body: { type: "nobodys", payload: {} } };

  afterEach(() => vi.unstubAllEnvs());

  it("reads them by one call", async () => {
    const { ssm, enqueue, close } = await setup();
    expect(await send(enqueue, JOB)).toMatchObject({ status: 422, body: { code: "unknown_type" } });
    await close();
    expect(ssm.seen.map(namesOf)).toEqual([["/b", "/a"]]);
  });

  it("answers 503 with Retry-After, without the reason, when they can't be read", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const { enqueue } = await setup(() => ({
      status: 400,
      body: { __type: "AccessDeniedException", message: "role x may not" },
    }));
    const answer = await send(enqueue, JOB);
    expect(answer).toMatchObject({ status: 503, body: { code: "secrets_unavailable" } });
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body)).not.toMatch(/\/b|role x|AccessDenied/);
    expect(log.mock.calls.join()).toContain(
      "the SSM parameters /b, /a can't be read: AccessDeniedException: role x may not",
    );
  });
});

describe("endpointOf", () => {
  it.each([
    ["eu-central-1", "https://ssm.eu-central-1.amazonaws.com"],
    ["us-gov-west-1", "https://ssm.us-gov-west-1.amazonaws.com"],
    ["cn-north-1", "https://ssm.cn-north-1.amazonaws.com.cn"],
    ["eusc-de-east-1", "https://ssm.eusc-de-east-1.amazonaws.eu"],
    ["us-iso-east-1", "https://ssm.us-iso-east-1.c2s.ic.gov"],
    ["us-isob-east-1", "https://ssm.us-isob-east-1.sc2s.sgov.gov"],
  ])("knows the host names of %s", (region, endpoint) => {
    expect(endpointOf("ssm", { region, credentials })).toBe(endpoint);
  });

  it("is what was given, without a slash at its end", () => {
    expect(endpointOf("s3", { region: "x", credentials, endpoint: "http://127.0.0.1:1/" })).toBe("http://127.0.0.1:1");
  });
});
