import type { ComponentChildren } from "preact";
import { pageName } from "../state/address.ts";
import { messageOf } from "../state/api.ts";
import { helpOpen } from "../state/keyboard.ts";
import { PAGES } from "../state/pages.ts";
import { nextTheme, theme } from "../state/preferences.ts";
import { can, session, signOut } from "../state/session.ts";
import { say, toast } from "../state/toast.ts";
import { Brand, Icon } from "./icons.tsx";
import { KeyHelp } from "./key-help.tsx";
import { Link } from "./link.tsx";
import { LiveStatus } from "./live-status.tsx";

const Navigation = () => (
  <nav aria-label="Pages">
    <ul>
      {PAGES.map(({ name, label, icon }) => (
        <li key={name}>
          <Link page={name} aria-current={pageName.value === name ? "page" : undefined}>
            <Icon name={icon} />
            <span>{label}</span>
          </Link>
        </li>
      ))}
    </ul>
  </nav>
);

const leave = (): Promise<void> => signOut().catch((error: unknown) => say(messageOf(error)));

const Who = ({ stage }: { readonly stage: string | null }) => (
  <div class="who">
    {stage !== null && <span class={`env ${/^prod/.test(stage) ? "prod" : ""}`}>{stage}</span>}
    <span class="muted id">
      {session.value?.id}
      {!can("jobs:manage") && " · read only"}
    </span>
    <button class="ghost" onClick={nextTheme} aria-label={`Theme: ${theme.value}`}>
      <Icon name="theme" />
    </button>
    <button class="link" onClick={() => void leave()}>
      Sign out
    </button>
  </div>
);

interface ShellProps {
  readonly stage: string | null;
  readonly title: string;
  /** What is wrong, beside the title. */
  readonly verdict: ComponentChildren;
  readonly children: ComponentChildren;
}

/** What is around every page. */
export const Shell = ({ stage, title, verdict, children }: ShellProps) => (
  <>
    <a class="skip" href="#main">
      Skip to the content
    </a>
    <aside class="side">
      <Brand>ForgeQ</Brand>
      <Navigation />
      <Who stage={stage} />
    </aside>
    <header class="top">
      <h1>{title}</h1>
      {verdict}
      <LiveStatus />
    </header>
    <main id="main" tabIndex={-1}>
      {children}
    </main>
    <p class="toast" role="status">
      {toast.value}
    </p>
    {helpOpen.value && <KeyHelp />}
  </>
);
