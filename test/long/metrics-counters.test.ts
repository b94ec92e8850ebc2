import { it } from "vitest";
import { expectExactCounters } from "../support/observe/exact-counters.ts";

const JOBS = 20_000;

it(
  "counts twenty thousand jobs exactly, through failures, crashes and recoveries",
  () => expectExactCounters(JOBS, 7),
  1_800_000,
);
