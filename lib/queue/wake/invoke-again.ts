import type { Deps, InvokeOutcome } from "../deps.ts";

/**
 * Invokes a function, once more where the first answer was lost, as on a connection that died while its environment was frozen. Whatever is invoked
 * here may be invoked twice: a lease is begun once, and a dispatcher that finds another one active ends.
 *
 * @returns `ambiguous` where neither was accepted and the first may have been
 */
export const invokeAgain = async (
  deps: Pick<Deps, "invoker" | "logger" | "metrics">,
  functionName: string,
  event: unknown,
): Promise<{ readonly outcome: InvokeOutcome; readonly message?: string }> => {
  const first = await deps.invoker.invoke(functionName, event);
  if (first.outcome !== "ambiguous") return first;
  deps.metrics.count("InvokesAmbiguous", 1);
  const second = await deps.invoker.invoke(functionName, event);
  deps.logger.warn("the answer of an invoke was lost: it was sent once more", {
    function: functionName,
    reason: first.message,
    outcome: second.outcome,
  });
  return second.outcome === "accepted" ? second : { ...second, outcome: "ambiguous" };
};
