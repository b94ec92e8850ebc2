import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, globalAgent, request as httpsRequest } from "node:https";

/**
 * An environment that was frozen for longer may come back to connections that have died, and nobody tells it. Within an invocation pauses are shorter, but for
 * waits, after which a new connection costs little.
 */
const TRUSTED_MS = 1_000;

interface Kept {
  readonly agent: HttpAgent;
  underWay: number;
  usedAtMs: number;
}

const kept = new Map<string, Kept>();

/** Node's own agent says in its options whether the environment names a proxy. */
const makeAgent = (protocol: string): HttpAgent =>
  protocol === "https:" ? new HttpsAgent({ ...globalAgent.options }) : new HttpAgent({ keepAlive: true });

/** The connections of a protocol: those that were used just now, or none. */
const agentFor = (protocol: string): Kept => {
  const known = kept.get(protocol);
  if (known !== undefined && performance.now() - known.usedAtMs < TRUSTED_MS) return known;
  if (known?.underWay === 0) known.agent.destroy();
  const made = { agent: makeAgent(protocol), underWay: 0, usedAtMs: performance.now() };
  kept.set(protocol, made);
  return made;
};

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * One HTTP request, and its whole answer. It goes over a kept connection only where that was used within the last second.
 *
 * By Node's own client, because `fetch` has no say in which connection it takes.
 *
 * @throws the connection's error; the signal's reason as its cause
 */
export const sendHttp = async (
  url: URL,
  { body, ...options }: Sent,
): Promise<{ readonly status: number; readonly text: string }> => {
  const one = agentFor(url.protocol);
  one.underWay += 1;
  try {
    return await new Promise((resolve, reject) => {
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const request = send(url, { ...options, agent: one.agent }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
        );
      });
      request.on("error", reject).end(body);
    });
  } finally {
    one.underWay -= 1;
    one.usedAtMs = performance.now();
  }
};
