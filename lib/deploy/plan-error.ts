/** Why there can be no such deployment, in one sentence: whoever wrote the parameters can mend it. */
export class PlanError extends Error {
  override readonly name = "PlanError";
}
