import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface SeenRequest {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What `x-amz-target` names, without its service. */
  readonly operation: string;
}

export interface StandInAnswer {
  readonly status?: number;
  readonly body?: unknown;
  /** Breaks the connection instead. */
  readonly breaks?: boolean;
}

/** A service of AWS, as a real HTTP server that answers each request as the test says. Ends with the test. */
export const startStandIn = async (answer: (request: SeenRequest) => StandInAnswer | Promise<StandInAnswer>) => {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method, url: path, headers } = request;
      const operation = String(headers["x-amz-target"] ?? "").split(".")[1] ?? "";
      const one = { method, path, headers, body: Buffer.concat(parts).toString(), operation };
      seen.push(one);
      void Promise.resolve(answer(one)).then(({ status = 200, body = {}, breaks = false }) => {
        if (breaks) return request.socket.destroy();
        return response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  return { seen, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

/** SSM with these parameters; `refuse` answers in its place. */
export const startSsm = (
  parameters: Readonly<Record<string, string>>,
  refuse: (request: SeenRequest) => StandInAnswer | undefined = () => undefined,
) =>
  startStandIn((request) => {
    const refusal = refuse(request);
    if (refusal !== undefined) return refusal;
    const { Names } = JSON.parse(request.body) as { readonly Names: readonly string[] };
    return {
      body: {
        Parameters: Names.filter((name) => name in parameters).map((Name) => ({ Name, Value: parameters[Name] })),
        InvalidParameters: Names.filter((name) => !(name in parameters)),
      },
    };
  });
