/** What one process does in one run, and what it says about it. */
export type Task =
  | { readonly kind: "prepare" }
  /** `callers` loops that each await their job before the next one. */
  | { readonly kind: "enqueue"; readonly callers: number; readonly count: number; readonly types?: number }
  | {
      readonly kind: "bulk";
      readonly callers: number;
      readonly count: number;
      readonly size: number;
      /** Of these many types, in turn; one unless given. At most 5. */
      readonly types?: number;
    }
  | { readonly kind: "drain"; readonly count: number }
  | { readonly kind: "latency"; readonly perSecond: number; readonly count: number };

export interface Order {
  readonly system: string;
  readonly url: string;
  /** Without the delay of a proxy, for what is not measured. */
  readonly directUrl: string;
  readonly keepHistory: boolean;
  readonly rttMs: number;
  readonly task: Task;
}

export interface Report {
  readonly seconds: number;
  readonly cpuMicros: number;
  /** Milliseconds, sorted: of each enqueue, or from enqueue to start. */
  readonly samples: readonly number[];
}

export type FromClient = { readonly ready: true } | { readonly report: Report } | { readonly error: string };
