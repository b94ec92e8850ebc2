/** The keys of the whole page. A key means nothing while somebody types, or while a dialog is open. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { go, hrefOf } from "./address.ts";
import { activity, pause, refresh, wake } from "./live.ts";
import { PAGES } from "./pages.ts";
import { nextTheme } from "./preferences.ts";

/** The help is open. */
export const helpOpen = signal(false);

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

/** A checkbox takes the space bar and nothing else. */
const takesText = (target: EventTarget | null): boolean =>
  isTyping(target) && !(target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type));

const rowLinks = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-row] a.row-link")];

const currentRow = (): HTMLElement | null => document.activeElement?.closest<HTMLElement>("[data-row]") ?? null;

const moveRow = (by: 1 | -1): void => {
  const links = rowLinks();
  const at = links.findIndex((link) => link.closest("[data-row]") === currentRow());
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
};

interface ActionKeys {
  readonly retry: (rowId: string | null) => void;
  readonly cancel: (rowId: string | null) => void;
}

/** Whose keys `R` and `C` are: the last one's that came and is still there. */
const actionKeys: ActionKeys[] = [];

/** While the component is there, `R` and `C` do this; they get the id of the row that has the focus. */
export const useActionKeys = (keys: ActionKeys): void =>
  useEffect(() => {
    actionKeys.push(keys);
    return () => void actionKeys.splice(actionKeys.indexOf(keys), 1);
  });

const act = (what: keyof ActionKeys): void => actionKeys.at(-1)?.[what](currentRow()?.dataset["row"] ?? null);

const ACTIONS: Readonly<Record<string, () => void>> = {
  "/": () => document.getElementById("filter")?.focus(),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: () => currentRow()?.querySelector<HTMLElement>("input[type=checkbox]")?.click(),
  R: () => act("retry"),
  C: () => act("cancel"),
  r: () => void refresh(),
  p: () => (activity.value === "paused" ? wake() : pause()),
  t: nextTheme,
  "?": () => (helpOpen.value = true),
};

/** After `g` a letter goes to a page. */
const GO_MS = 1_500;
let goUntilMs = 0;

const onKey = (event: KeyboardEvent): void => {
  if (event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
  if (document.querySelector("dialog[open]:not(.panel)") !== null) return;
  if (performance.now() < goUntilMs) {
    goUntilMs = 0;
    const page = PAGES.find(({ key }) => key === event.key);
    if (page === undefined) return;
    event.preventDefault();
    go(hrefOf(page.name));
    return;
  }
  if (event.key === "g") {
    goUntilMs = performance.now() + GO_MS;
    return;
  }
  const action = ACTIONS[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
};

export const startKeyboard = (): void => addEventListener("keydown", onKey);
