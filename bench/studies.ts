/** What ForgeQ is measured for by itself: each study gets the servers and gives figures as JSON. */
import type { Servers } from "./servers.ts";
import { backlog, dispatchers } from "./studies/claims.ts";
import { coldStart } from "./studies/cold-start.ts";
import { held } from "./studies/held.ts";
import { http } from "./studies/http.ts";
import { lambdaPath } from "./studies/lambda-path.ts";

export type Study = (servers: Servers, say: (text: string) => void) => Promise<unknown>;

export const STUDIES: Readonly<Record<string, Study>> = {
  "lambda-path": lambdaPath,
  "cold-start": coldStart,
  http,
  held,
  backlog,
  dispatchers,
};
