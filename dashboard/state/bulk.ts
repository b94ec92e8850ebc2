/** Actions on many jobs: looked at first, then done in slices, so that they can be stopped, and go on where they were. */
import { batch, signal } from "@preact/signals";
import { call, isAbort, messageOf, Problem } from "./api.ts";
import { refresh } from "./live.ts";
import type { Selected } from "./selection.ts";
import type { ListedJob } from "./wire.ts";

export type BulkAction = "retry" | "cancel" | "delete" | "reschedule";

/** The jobs that are selected, or all that a filter finds. */
export type BulkTarget =
  { readonly jobs: readonly Selected[] } | { readonly filter: Readonly<Record<string, string>>; readonly all?: true };

export interface BulkRequest {
  readonly action: BulkAction;
  readonly target: BulkTarget;
  /** Of whom it is: "the 4 selected jobs". */
  readonly of: string;
}

interface Slice {
  readonly before: string;
  readonly matched: number;
  readonly capped: boolean;
  readonly by: readonly Share[];
  readonly examples?: readonly Pick<ListedJob, "id" | "type" | "state">[];
  readonly done: number;
  readonly skipped: readonly { readonly id: string; readonly code: string }[];
  readonly next_cursor: string | null;
}

export interface Share {
  readonly type: string;
  readonly queue: string;
  readonly error: { readonly name: string; readonly message: string | null } | null;
  readonly jobs: number;
}

export interface Preview {
  readonly before: string;
  readonly matched: number;
  readonly by: readonly Share[];
  readonly examples: readonly Pick<ListedJob, "id" | "type" | "state">[];
}

/** What the dialog is about; null: it is closed. */
export const bulkRequest = signal<BulkRequest | null>(null);

const SLICE = 500;
const TRIES = 6;

/** One question for each part of what is selected, or one that goes on by its cursor. */
const partsOf = (target: BulkTarget): readonly object[] => {
  if (!("jobs" in target)) return [target];
  const jobs = target.jobs.map(({ id, life }) => ({ id, life }));
  return Array.from({ length: Math.ceil(jobs.length / SLICE) }, (_, part) => ({
    jobs: jobs.slice(part * SLICE, (part + 1) * SLICE),
  }));
};

const isPassing = (error: unknown): error is Problem =>
  error instanceof Problem && (error.status === 0 || error.status === 429 || error.status >= 500);

/** A slice names lives, so it may be sent again after a lost answer: nothing happens twice. */
const sendSlice = async (body: object, signalOf: AbortSignal): Promise<Slice> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call<Slice>("POST", "jobs/bulk", { body, signal: signalOf });
    } catch (error) {
      if (!isPassing(error) || tries >= TRIES) throw error;
      const seconds = error.retryAfterSeconds ?? 2 ** (tries - 1);
      await new Promise((done) => setTimeout(done, seconds * 1_000));
      signalOf.throwIfAborted();
    }
  }
};

const shareKey = ({ type, queue, error }: Share): string => JSON.stringify([type, queue, error?.name, error?.message]);

const addShares = (all: readonly Share[], more: readonly Share[]): Share[] => {
  const sums = new Map<string, Share>();
  for (const share of [...all, ...more]) {
    const key = shareKey(share);
    sums.set(key, { ...share, jobs: share.jobs + (sums.get(key)?.jobs ?? 0) });
  }
  return [...sums.values()].sort((a, b) => b.jobs - a.jobs);
};

/** Sends a request part by part and cursor by cursor. @param onSlice - hears of each answer */
const each = async (
  { action, target }: BulkRequest,
  more: object,
  abort: AbortSignal,
  onSlice: (slice: Slice) => void,
): Promise<void> => {
  let before: string | undefined = (more as { before?: string }).before;
  for (const part of partsOf(target)) {
    let cursor: string | null = null;
    do {
      const body: object = {
        action,
        ...part,
        ...more,
        ...(before !== undefined && { before }),
        ...(cursor !== null && { cursor }),
      };
      const slice = await sendSlice(body, abort);
      before ??= slice.before;
      cursor = slice.next_cursor;
      onSlice(slice);
    } while (cursor !== null);
  }
};

export type Stage = "looking" | "asking" | "working" | "stopped" | "done" | "failed";

/** One run of a request, from the look at what it is about to what it did. */
export const createBulk = (request: BulkRequest) => {
  const stage = signal<Stage>("looking");
  const preview = signal<Preview | null>(null);
  const done = signal(0);
  const skipped = signal<ReadonlyMap<string, number>>(new Map());
  const trouble = signal<string | null>(null);
  let abort = new AbortController();

  const guarded = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (isAbort(error)) return;
      batch(() => {
        stage.value = "failed";
        trouble.value = messageOf(error);
      });
    }
  };

  const look = (): Promise<void> =>
    guarded(async () => {
      await each(request, { dry_run: true }, abort.signal, (slice) => {
        const seen = preview.value ?? { before: slice.before, matched: 0, by: [], examples: slice.examples ?? [] };
        preview.value = { ...seen, matched: seen.matched + slice.matched, by: addShares(seen.by, slice.by) };
      });
      stage.value = "asking";
    });

  const count = (slice: Slice): void =>
    batch(() => {
      done.value += slice.done;
      const sums = new Map(skipped.value);
      for (const { code } of slice.skipped) sums.set(code, (sums.get(code) ?? 0) + 1);
      skipped.value = sums;
    });

  const work = (more: object): Promise<void> =>
    guarded(async () => {
      abort = new AbortController();
      batch(() => {
        stage.value = "working";
        done.value = 0;
        skipped.value = new Map();
      });
      const own = { ...more, before: preview.value?.before, limit: SLICE };
      await each(request, own, abort.signal, count);
      stage.value = "done";
      void refresh();
    });

  const stop = (): void => {
    abort.abort();
    if (stage.value === "working") stage.value = "stopped";
    void refresh();
  };

  return { stage, preview, done, skipped, trouble, look, work, stop };
};

export type Bulk = ReturnType<typeof createBulk>;
