/** The time that is shown. It stands still while nobody sees it. */
import { signal } from "@preact/signals";

export const now = signal(Date.now());

const TICK_MS = 1_000;

export const startClock = (): void => {
  const tick = (): void => {
    if (!document.hidden) now.value = Date.now();
  };
  setInterval(tick, TICK_MS);
  document.addEventListener("visibilitychange", tick);
};
