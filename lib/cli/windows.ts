import type { Window } from "../queue/observe/period-stats.ts";

/** How far back `forgeq stats` and `forgeq errors` can look. */
export const WINDOWS = ["1h", "24h", "7d", "30d"] as const satisfies readonly Window[];
