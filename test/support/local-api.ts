import { expect } from "vitest";
import type { LocalRun } from "../../lib/local/local-run.ts";

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads whatever the answer has
  readonly body: any;
}

/** Generous: CI's machine may be busy. */
const SOON = { timeout: 50_000, interval: 100 };

/** The HTTP API of a local run, with its key. */
export const apiOf = ({ url, apiKey }: Pick<LocalRun, "url" | "apiKey">) => {
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  };
  const api = {
    get: (path: string, headers?: Record<string, string>) => send("GET", path, undefined, headers),
    post: (path: string, body?: unknown, headers?: Record<string, string>) => send("POST", path, body, headers),
    put: (path: string, body?: unknown) => send("PUT", path, body),
    /** Enqueues one job and gives its id. */
    enqueue: async (type: string, payload: unknown, more: Record<string, unknown> = {}): Promise<string> => {
      const answer = await api.post("/jobs", { type, payload, ...more });
      expect(answer).toMatchObject({ status: 201 });
      return answer.body.id as string;
    },
    /** Waits until the job is in the state, and gives it. */
    inState: async (id: string, state: string) => {
      await expect.poll(async () => (await api.get(`/jobs/${id}`)).body.state, SOON).toBe(state);
      return (await api.get(`/jobs/${id}`)).body;
    },
  };
  return api;
};
