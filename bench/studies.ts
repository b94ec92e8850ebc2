/** What ForgeQ is measured for by itself. */
import { backlog, dispatchers } from "./studies/claims.ts";
import { coldStart } from "./studies/cold-start.ts";
import { held } from "./studies/held.ts";
import { heldRate } from "./studies/held-rate.ts";
import { http } from "./studies/http.ts";
import { lambdaPath } from "./studies/lambda-path.ts";
import type { Study } from "./study.ts";

export const STUDIES: Readonly<Record<string, Study>> = {
  "lambda-path": lambdaPath,
  "cold-start": coldStart,
  http,
  held,
  "held-rate": heldRate,
  backlog,
  dispatchers,
};
