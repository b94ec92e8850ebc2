import { dispatcherFunction } from "../lib/functions/dispatcher.ts";

export const handler = dispatcherFunction();
