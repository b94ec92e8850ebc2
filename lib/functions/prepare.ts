/** `forgeq/functions/prepare`: what a function does before its first event. */
export { prepare } from "../init-phase.ts";
