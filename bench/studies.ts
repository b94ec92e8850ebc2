/** What ForgeQ is measured for by itself: each study gets the servers and gives figures as JSON. */
import type { Servers } from "./servers.ts";

export type Study = (servers: Servers, say: (text: string) => void) => Promise<unknown>;

export const STUDIES: Readonly<Record<string, Study>> = {};
