/** Calls of the HTTP API that serves this page. Paths are relative to the page, so that a prefix before it needs no setting. */

/** Why a call failed: what the API said of it, or that nobody answered. */
export class Problem extends Error {
  /** 0: nobody answered. */
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, code: string, detail: string, retryAfterSeconds: number | null = null) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

/** Called when the API no longer takes the session. */
let onSignedOut = (): void => undefined;
export const whenSignedOut = (listener: () => void): void => void (onSignedOut = listener);

interface CallOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

const send = async (method: string, path: string, { body, signal }: CallOptions): Promise<Response> => {
  try {
    return await fetch(path, {
      method,
      credentials: "same-origin",
      // Without it the API takes no cookie: a page of another origin can't send it.
      headers: { "x-forgeq-dashboard": "1", ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal ?? null,
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, "unreachable", "The server can't be reached.");
  }
};

const problemOf = async (response: Response): Promise<Problem> => {
  const answer = (await response.json().catch(() => ({}))) as {
    readonly code?: string;
    readonly detail?: string;
    readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  };
  const fields = answer.errors?.map(({ pointer, detail }) => `${pointer} ${detail}`).join("; ");
  const detail = answer.detail ?? `The server answered ${response.status}.`;
  const retryAfter = Number(response.headers.get("retry-after"));
  return new Problem(
    response.status,
    answer.code ?? "internal",
    fields === undefined ? detail : `${detail}: ${fields}`,
    retryAfter > 0 ? retryAfter : null,
  );
};

/** @throws Problem, or the abort */
export const call = async <Answer>(method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
  const response = await send(method, path, options);
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.status === 401 && path !== "session") onSignedOut();
    throw problem;
  }
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
};

/** What to say of a failure. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
