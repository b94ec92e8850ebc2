/** The windows that numbers are shown for. */
export const WINDOWS = {
  "1h": { windowText: "the last hour", stepText: "a minute" },
  "24h": { windowText: "the last 24 hours", stepText: "15 minutes" },
  "7d": { windowText: "the last 7 days", stepText: "an hour" },
  "30d": { windowText: "the last 30 days", stepText: "6 hours" },
} as const;

export type WindowName = keyof typeof WINDOWS;

export const isWindow = (text: string): text is WindowName => Object.hasOwn(WINDOWS, text);
