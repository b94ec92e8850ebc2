/** What was just done, said once. */
import { signal } from "@preact/signals";

const SHOWN_MS = 8_000;

export const toast = signal("");
let timer: ReturnType<typeof setTimeout> | undefined;

export const say = (text: string): void => {
  toast.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => (toast.value = ""), SHOWN_MS);
};
