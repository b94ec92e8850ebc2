import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { s3Store } from "../../functions/handlers/generate_report/store.ts";
import { parseS3Location } from "../../lib/aws/s3-put.ts";

interface Upload {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const setup = async (status = 200, answer = "") => {
  const uploads: Upload[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString();
      uploads.push({ method: request.method, path: request.url, headers: request.headers, body });
      response.writeHead(status).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  const access = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "eu-central-1",
    credentials: () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token" }),
  };
  return { uploads, store: s3Store({ bucket: "my-bucket", prefix: "daily reports/a+b" }, access) };
};

describe("a report in S3", () => {
  const signal = new AbortController().signal;

  it("is one signed PUT with the body's hash", async () => {
    const { uploads, store } = await setup();

    expect(await store("report-1.csv", "a,b\r\n", signal)).toBe("s3://my-bucket/daily reports/a+b/report-1.csv");
    expect(uploads).toHaveLength(1);
    expect(uploads[0]).toMatchObject({
      method: "PUT",
      path: "/my-bucket/daily%20reports/a%2Bb/report-1.csv",
      body: "a,b\r\n",
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "x-amz-content-sha256": createHash("sha256").update("a,b\r\n").digest("hex"),
        "x-amz-security-token": "token",
        authorization: expect.stringMatching(
          /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;.*x-amz-content-sha256;.*Signature=[0-9a-f]{64}$/,
        ),
      },
    });
  });

  it("says what S3 said when it refuses", async () => {
    const { store } = await setup(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");
    await expect(store("report-1.csv", "", signal)).rejects.toThrow(/403 AccessDenied/);
  });

  it("stops when the signal aborts", async () => {
    const { store, uploads } = await setup();
    await expect(store("report-1.csv", "", AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
    expect(uploads).toEqual([]);
  });
});

describe("parseS3Location", () => {
  it.each([
    ["s3://bucket", { bucket: "bucket", prefix: "" }],
    ["s3://bucket/", { bucket: "bucket", prefix: "" }],
    ["s3://bucket/a/b/", { bucket: "bucket", prefix: "a/b" }],
    [".forgeq/reports", undefined],
    ["/var/s3://x", undefined],
  ])("reads %s", (address, location) => expect(parseS3Location(address)).toEqual(location));

  it.each(["s3://", "s3:///prefix", "s3://Bad_Name/x"])("refuses %s", (address) => {
    expect(() => parseS3Location(address)).toThrow("is not s3://bucket/prefix");
  });
});
