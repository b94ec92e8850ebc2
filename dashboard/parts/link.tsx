import type { ComponentChildren } from "preact";
import { go, hrefOf, type Params } from "../state/address.ts";

/** Whether a click asks for another tab or window: the browser's own affair. */
const asksForTab = (event: MouseEvent): boolean =>
  event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;

interface LinkProps {
  /** Null: the current page, with some of its parameters changed. */
  readonly page: string | null;
  readonly params?: Params;
  readonly class?: string;
  readonly "aria-current"?: "page" | "true" | undefined;
  readonly "aria-label"?: string;
  readonly title?: string;
  readonly children: ComponentChildren;
}

/** A link within the dashboard: an address that can be copied, followed without loading the page anew. */
export const Link = ({ page, params, children, ...rest }: LinkProps) => {
  const href = hrefOf(page, params);
  const follow = (event: MouseEvent): void => {
    if (asksForTab(event)) return;
    event.preventDefault();
    go(href);
  };
  return (
    <a {...rest} href={href} onClick={follow}>
      {children}
    </a>
  );
};
