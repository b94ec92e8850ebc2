/** The dashboard's entry: who is signed in, and then the page of the address. Each page is loaded when it is first shown. */
import { effect, signal } from "@preact/signals";
import { type ComponentType, render } from "preact";
import { useEffect } from "preact/hooks";
import { Empty, Skeleton, Trouble } from "./parts/empty.tsx";
import { Shell } from "./parts/shell.tsx";
import { Link } from "./parts/link.tsx";
import { SignIn } from "./parts/sign-in.tsx";
import { pageName, param } from "./state/address.ts";
import { bulkRequest, type BulkRequest } from "./state/bulk.ts";
import { now, startClock } from "./state/clock.ts";
import { plural, relative } from "./state/format.ts";
import { startKeyboard } from "./state/keyboard.ts";
import { setQuietUntil, startLive, useLive } from "./state/live.ts";
import { essenceOf, problemsOf, quietUntilMs } from "./state/overview.ts";
import { PAGES, type PageName } from "./state/pages.ts";
import { openSession, session } from "./state/session.ts";
import type { Overview } from "./state/wire.ts";

interface PageProps {
  /** Null: it has not come yet. */
  readonly overview: Overview | null;
}

type Page = ComponentType<PageProps>;

const LOAD: Readonly<Record<PageName, () => Promise<Page>>> = {
  overview: async () => (await import("./pages/overview.tsx")).OverviewPage,
  jobs: async () => (await import("./pages/jobs.tsx")).Jobs,
  failures: async () => (await import("./pages/failures.tsx")).Failures,
  dead: async () => (await import("./pages/dead.tsx")).Dead,
  queues: async () => (await import("./pages/queues.tsx")).Queues,
  schedules: async () => (await import("./pages/schedules.tsx")).Schedules,
  running: async () => (await import("./pages/running.tsx")).Running,
  settings: async () => (await import("./pages/settings.tsx")).Settings,
};

type Loaded<Props> = ComponentType<Props> | "failed";

const pages = signal<Readonly<Record<string, Loaded<PageProps>>>>({});
const panel = signal<Loaded<{ readonly id: string }> | null>(null);
const bulk = signal<Loaded<{ readonly request: BulkRequest }> | null>(null);

const isPage = (name: string): name is PageName => Object.hasOwn(LOAD, name);

/** A server that was updated no longer has the files of this page: loading it anew gets the new ones. */
const Outdated = () => (
  <Empty icon="retry" title="This part of the dashboard could not be loaded">
    <p>The server can't be reached, or has been updated since this page was opened.</p>
    <button class="primary" onClick={() => location.reload()}>
      Load the page anew
    </button>
  </Empty>
);

const loadPage = (name: string): void => {
  if (!isPage(name) || typeof pages.value[name] === "function") return;
  const keep = (page: Page | "failed") => (pages.value = { ...pages.value, [name]: page });
  LOAD[name]().then(keep, () => keep("failed"));
};

const CurrentPage = ({ overview }: PageProps) => {
  const name = pageName.value;
  useEffect(() => loadPage(name), [name]);
  if (!isPage(name)) return <Empty title="There is no such page" />;
  const Current = pages.value[name];
  if (Current === undefined) return <Skeleton />;
  return Current === "failed" ? <Outdated /> : <Current key={name} overview={overview} />;
};

const Dialogs = () => {
  const id = param("job");
  const request = bulkRequest.value;
  useEffect(() => {
    if (id !== "" && typeof panel.value !== "function")
      import("./pages/job.tsx").then(
        ({ JobPanel }) => (panel.value = JobPanel),
        () => (panel.value = "failed"),
      );
  }, [id]);
  useEffect(() => {
    if (request !== null && typeof bulk.value !== "function")
      import("./parts/bulk-dialog.tsx").then(
        ({ BulkDialog }) => (bulk.value = BulkDialog),
        () => (bulk.value = "failed"),
      );
  }, [request]);
  const Panel = panel.value;
  const Bulk = bulk.value;
  return (
    <>
      {id !== "" && typeof Panel === "function" && <Panel key={id} id={id} />}
      {request !== null && typeof Bulk === "function" && <Bulk request={request} />}
      {((id !== "" && Panel === "failed") || (request !== null && Bulk === "failed")) && <Outdated />}
    </>
  );
};

interface VerdictProps extends PageProps {
  /** The newest question was not answered: what is known is old. */
  readonly failing: boolean;
}

/** Whether anything is wrong, on every page; the overview says what. */
const Verdict = ({ overview, failing }: VerdictProps) => {
  const problems = overview === null ? [] : problemsOf(overview);
  const [worst] = problems;
  const text = (): string => {
    if (overview === null) return failing ? "Not known: the server gives no answer" : "Reading";
    if (failing) return `Not known since ${relative(Date.parse(overview.at), now.value)}`;
    if (worst === undefined) return "All queues keep up";
    if (pageName.value === "overview") return plural(problems.length, "problem");
    return `${worst.subject}${worst.text}${problems.length > 1 ? ` · ${problems.length - 1} more` : ""}`;
  };
  return (
    <p class={`verdict ${overview === null || failing ? "" : (worst?.tone ?? "good")}`}>
      <i />
      {failing || worst === undefined || pageName.value === "overview" ? (
        <span>{text()}</span>
      ) : (
        <Link page="overview">{text()}</Link>
      )}
    </p>
  );
};

const Dashboard = () => {
  const { answer, trouble } = useLive<Overview>("overview", { essence: essenceOf });
  const overview = answer.value;
  useEffect(() => setQuietUntil(overview === null ? null : quietUntilMs(overview)), [overview]);
  const title = PAGES.find(({ name }) => name === pageName.value)?.label ?? "ForgeQ";
  useEffect(() => {
    document.title = overview === null ? `${title} · ForgeQ` : `${title} · ${overview.service} ${overview.stage}`;
  }, [title, overview?.service, overview?.stage]);
  return (
    <>
      <Shell
        stage={overview?.stage ?? null}
        title={title}
        verdict={<Verdict overview={overview} failing={trouble.value !== null} />}
      >
        {/* Other pages have their own, and the word beside the title. */}
        {pageName.value === "overview" && <Trouble text={trouble.value} />}
        {(overview !== null || trouble.value === null || pageName.value !== "overview") && (
          <CurrentPage overview={overview} />
        )}
      </Shell>
      <Dialogs />
    </>
  );
};

const App = () => {
  if (session.value === undefined) return null;
  return session.value === null ? <SignIn /> : <Dashboard />;
};

startClock();
startKeyboard();
startLive();
render(<App />, document.getElementById("app")!);
void openSession();
// Beside the question of who is signed in, not after it.
loadPage(pageName.value);

// The title of a page that nobody is signed in to says nothing of it.
effect(() => {
  if (session.value === null) document.title = "Sign in · ForgeQ";
});
