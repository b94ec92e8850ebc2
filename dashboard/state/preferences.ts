/** What this browser remembers; none of it is about jobs. */
import { effect, type Signal, signal } from "@preact/signals";

const read = (name: string): string | null => {
  try {
    return localStorage.getItem(`forgeq.${name}`);
  } catch {
    return null;
  }
};

const preference = <Value extends string>(name: string, values: readonly Value[], fallback: Value): Signal<Value> => {
  const kept = read(name);
  const held = signal(values.find((value) => value === kept) ?? fallback);
  effect(() => {
    try {
      localStorage.setItem(`forgeq.${name}`, held.value);
    } catch {
      // A browser that keeps nothing forgets it with the page.
    }
  });
  return held;
};

export const THEMES = ["system", "light", "dark"] as const;
export const theme = preference("theme", THEMES, "system");

export const ZONES = ["local", "utc"] as const;
export const zone = preference("zone", ZONES, "local");

export const DENSITIES = ["comfortable", "compact"] as const;
export const density = preference("density", DENSITIES, "comfortable");

/** Seconds between two questions at most; a server on the same machine is asked more often than a function that is billed. */
export const INTERVALS = ["2", "5", "15", "60"] as const;
const isLoopback = /^(localhost|127\.|\[::1\])/.test(location.hostname);
export const interval = preference("interval", INTERVALS, isLoopback ? "2" : "5");

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  document.documentElement.dataset["density"] = density.value;
});

export const nextTheme = (): void => {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
};
