import { ForgeqError } from "../core/errors.ts";
import type { HttpLog } from "./problem.ts";
import type { AuditFields, HttpRequest, HttpResponse, Route } from "./router.ts";

const MAX_TARGET_CHARACTERS = 200;

/** What is acted on: the path's job, queue, schedule or key; the name in the body where one is made. */
const targetOf = ({ params, body }: HttpRequest): string | null => {
  const named = params["id"] ?? params["name"] ?? params["key_id"] ?? (body as { name?: unknown } | undefined)?.name;
  return typeof named === "string" ? named.slice(0, MAX_TARGET_CHARACTERS) : null;
};

/** Runs the route of a management action, which leaves one line, whatever became of it: who did what to what. Never a payload. */
export const audited = async (
  request: HttpRequest & { readonly route: Route },
  log: HttpLog,
  run: () => Promise<HttpResponse>,
): Promise<HttpResponse> => {
  const { route, key, requestId } = request;
  const write = (outcome: string, count: number, { caller, target, note }: AuditFields = {}): void =>
    log.info("audit", {
      ...{ caller: caller ?? key?.id ?? null, action: route.audit, target: target ?? targetOf(request) },
      ...{ count, outcome, request_id: requestId },
      ...(note !== undefined && { note }),
    });
  try {
    const response = await run();
    const { audit = {} } = response;
    write(audit.outcome ?? (response.status === 202 ? "requested" : "done"), audit.count ?? 1, audit);
    return response;
  } catch (error) {
    write(error instanceof ForgeqError ? error.code : "internal", 0);
    throw error;
  }
};
