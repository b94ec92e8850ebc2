import type { Servers } from "./servers.ts";

/** A measurement of ForgeQ by itself: it gets the servers, says how it goes, and gives figures as JSON. */
export type Study = (servers: Servers, say: (text: string) => void) => Promise<unknown>;
