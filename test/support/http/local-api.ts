import { expect } from "vitest";
import type { LocalRun } from "../../../lib/local/local-run.ts";
import { type OpenApi, wrongAnswer } from "./openapi.ts";

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads whatever the answer has
  readonly body: any;
}

/** Generous: CI's machine may be busy. */
const SOON = { timeout: 50_000, interval: 100 };

/** The HTTP API of a local run, with its key. Every answer is held against the API's own OpenAPI document. */
export const apiOf = ({ url, apiKey }: Pick<LocalRun, "url" | "apiKey">) => {
  const authorization = `Bearer ${apiKey}`;
  let openapi: Promise<OpenApi> | undefined;
  const document = (): Promise<OpenApi> =>
    (openapi ??= fetch(`${url}/openapi.json`, { headers: { authorization } }).then(
      (response) => response.json() as Promise<OpenApi>,
    ));

  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, body: JSON.parse(text) as unknown };
    const type = response.headers.get("content-type") ?? "";
    expect(wrongAnswer(await document(), { method, path }, { ...answer, type })).toEqual([]);
    return answer;
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
