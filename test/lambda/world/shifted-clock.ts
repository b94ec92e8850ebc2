/** Loaded into an environment before its function: the monotonic clock is ahead by the seconds that a file names, as after a long freeze. */
import { readFileSync } from "node:fs";

const file = process.env["WORLD_CLOCK"] ?? "";
const now = performance.now.bind(performance);
performance.now = () => now() + 1000 * Number(readFileSync(file, "utf8"));
