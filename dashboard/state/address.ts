/** What is shown is the page's address: a link shows a colleague the same, and Back works. */
import { computed, signal } from "@preact/signals";

const query = signal(new URLSearchParams(location.search));
addEventListener("popstate", () => (query.value = new URLSearchParams(location.search)));

export type Params = Readonly<Record<string, string | null>>;

export const param = (name: string): string => query.value.get(name) ?? "";

export const pageName = computed(() => query.value.get("page") ?? "overview");

const changed = (from: URLSearchParams, changes: Params): URLSearchParams => {
  const next = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return next;
};

/** An address must say that it is one also when it has no parameters. */
const textOf = (params: URLSearchParams): string => `?${params.toString()}`;

/** The address of a page, or null for the current one with some parameters changed. */
export const hrefOf = (page: string | null, params: Params = {}): string =>
  textOf(changed(page === null ? query.value : new URLSearchParams({ page }), params));

export const go = (href: string, how: "push" | "replace" = "push"): void => {
  const next = new URLSearchParams(href.slice(1));
  if (next.toString() === query.value.toString()) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", href === "?" ? location.pathname : href);
  query.value = next;
};

/** Changes some parameters of the current page. */
export const patch = (changes: Params, how: "push" | "replace" = "push"): void => go(hrefOf(null, changes), how);
