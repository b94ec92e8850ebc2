import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons.tsx";

interface EmptyProps {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** Why there is nothing, and what changes it. */
export const Empty = ({ icon = "search", title, children }: EmptyProps) => (
  <div class="empty">
    <Icon name={icon} />
    <h2>{title}</h2>
    {children}
  </div>
);

export const Skeleton = ({ rows = 8 }: { readonly rows?: number }) => (
  <div class="skeleton" aria-busy="true">
    <span class="sr">Reading</span>
    {Array.from({ length: rows }, (_, row) => (
      <i key={row} />
    ))}
  </div>
);

/** A failure is never an empty list: it says what failed, and what is shown stays. */
export const Trouble = ({ text }: { readonly text: string | null }) =>
  text === null ? null : (
    <p class="banner bad" role="alert">
      {text}
    </p>
  );
