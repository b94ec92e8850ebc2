/**
 * Runs `work` with a signal that aborts when `parent` does or after `ms`, and rejects with that reason then, however
 * `work` words its own failure.
 *
 * @param message - of the Error that a passed deadline gives
 */
export const withDeadline = async <Result>(
  parent: AbortSignal,
  ms: number,
  message: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent.reason);
  const timer = setTimeout(() => controller.abort(new Error(message)), ms);
  parent.addEventListener("abort", follow);
  try {
    parent.throwIfAborted();
    return await work(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    parent.removeEventListener("abort", follow);
  }
};
