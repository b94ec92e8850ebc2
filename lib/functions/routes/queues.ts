import { mayUseQueue, requireUse } from "../../http/access.ts";
import type { ApiKey } from "../../http/api-keys.ts";
import type { queueOperations } from "../../http/operations/queues.ts";
import type { HttpRequest, HttpResponse } from "../../http/router.ts";
import type { Handlers } from "../../http/serve.ts";
import { encodeCursor, toWireQueue } from "../../http/wire.ts";
import type { Deps } from "../../queue/deps.ts";
import { deleteQueue, pauseQueue, resetLimits, resumeQueue, setQueue } from "../../queue/manage/manage-queues.ts";
import { queuePage, queueStatsOf, type QueueStats } from "../../queue/observe/queue-stats.ts";
import { knownQueue, ok, queueOf } from "./found.ts";

/** A use case about one queue as a handler. */
const onQueue =
  (useCase: (deps: Deps, name: string) => Promise<QueueStats | "not_found">) =>
  async (deps: Deps, request: HttpRequest & { readonly key: ApiKey }): Promise<HttpResponse> =>
    ok(toWireQueue(knownQueue(await useCase(deps, queueOf(request)))));

export const queueHandlers: Handlers<typeof queueOperations, Deps> = {
  listQueues: async (deps, { key, query: { after, limit } }) => {
    const { queues, next } = await queuePage(deps, after, limit);
    const shown = queues.filter(({ name }) => mayUseQueue(key, name));
    return ok({ data: shown.map(toWireQueue), next_cursor: next === null ? null : encodeCursor(next) });
  },

  getQueue: onQueue(queueStatsOf),

  setQueue: async (deps, request) => {
    const { key, body } = request;
    const name = queueOf(request);
    for (const type of body.types ?? []) requireUse(key, { type, queue: name });
    const { queue, declared } = knownQueue(await setQueue(deps, name, body));
    const shown = toWireQueue(queue);
    if (!declared) return { status: 200, body: shown };
    return { status: 201, headers: { location: `/queues/${queue.name}` }, body: shown };
  },

  deleteQueue: async (deps, request) => {
    knownQueue(await deleteQueue(deps, queueOf(request)));
    return { status: 204, body: undefined };
  },

  pauseQueue: async (deps, request) => {
    const queue = knownQueue(await pauseQueue(deps, queueOf(request), request.body));
    return {
      ...ok(toWireQueue(queue)),
      audit: { ...(request.body.reason !== undefined && { note: request.body.reason }) },
    };
  },

  resetLimits: onQueue(resetLimits),

  resumeQueue: onQueue(resumeQueue),
};
