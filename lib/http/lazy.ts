/** A value, or how to get it. */
export type Source<Value> = Value | (() => Promise<Value>);

export interface Lazy<Value> {
  /** The value, made at the first call. A failure is not kept: the next call tries again. */
  readonly get: () => Promise<Value>;
  /** The value if it is there already. */
  readonly current: Value | undefined;
}

/** Makes a value when it is first needed, once, however many ask at the same time. */
export const lazy = <Value>(make: () => Promise<Value>): Lazy<Value> => {
  let pending: Promise<Value> | undefined;
  let current: Value | undefined;
  return {
    get: () => {
      pending ??= make().then(
        (value) => (current = value),
        (error: unknown) => {
          pending = undefined;
          throw error;
        },
      );
      return pending;
    },
    get current() {
      return current;
    },
  };
};

const isProvider = <Value>(source: Source<Value>): source is () => Promise<Value> => typeof source === "function";

/** A source as a lazy value; a value that is given is there immediately. */
export const lazyFrom = <Value>(source: Source<Value>): Lazy<Value> =>
  isProvider(source) ? lazy(source) : { get: () => Promise.resolve(source), current: source };
