/**
 * Lighthouse on a quiet machine: `npm run dashboard:lighthouse`. Scores of performance move with the load of a machine, so that no CI runs it. It comes from
 * npm when it runs; the sign-in page, measured in the same rounds, is the floor of what a phone's score can be.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { CHROMIUM, hasBrowser, launch, signedIn } from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const LIGHTHOUSE = "lighthouse@13.5.0";
const ROUNDS = Number(process.env["FORGEQ_LIGHTHOUSE_ROUNDS"] ?? "3");
const FORMS = ["mobile", "desktop"] as const;
const PAGES = ["sign-in", "overview", "jobs", "failures"] as const;
const WHOLE = ["accessibility", "best-practices", "seo"] as const;
const METRICS = {
  FCP: "first-contentful-paint",
  LCP: "largest-contentful-paint",
  TBT: "total-blocking-time",
  CLS: "cumulative-layout-shift",
} as const;
const LEAST_ON_DESKTOP = 95;
const MOST_BELOW_SIGN_IN = 3;

interface Report {
  readonly categories: Readonly<Record<string, { readonly score: number | null }>>;
  readonly audits: Readonly<
    Record<string, { readonly score: number | null; readonly numericValue?: number; readonly title: string }>
  >;
}

interface Row {
  readonly page: (typeof PAGES)[number];
  readonly form: (typeof FORMS)[number];
  readonly round: number;
  readonly scores: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Audits of the three that must be whole, and are not. */
  readonly faults: readonly string[];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const run = promisify(execFile);

const measure = async (url: string, form: Row["form"], cookie: string | null): Promise<Report> => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-lighthouse-"));
  const path = join(folder, "report.json");
  try {
    await run(
      "npx",
      [
        ...["--yes", LIGHTHOUSE, url, "--quiet", "--output=json", `--output-path=${path}`],
        ...[
          "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
          ...(form === "desktop" ? ["--preset=desktop"] : []),
        ],
        ...(cookie === null ? [] : [`--extra-headers=${JSON.stringify({ cookie })}`]),
      ],
      { env: { ...process.env, CHROME_PATH: CHROMIUM } },
    );
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const rowOf = (report: Report, of: Pick<Row, "page" | "form" | "round">): Row => ({
  ...of,
  scores: Object.fromEntries(
    ["performance", ...WHOLE].map((name) => [name, Math.round((report.categories[name]?.score ?? 0) * 100)]),
  ),
  metrics: Object.fromEntries(
    Object.entries(METRICS).map(([name, audit]) => [name, report.audits[audit]?.numericValue ?? NaN]),
  ),
  faults: Object.values(report.audits)
    .filter(({ score }) => score !== null && score < 0.5)
    .map(({ title }) => title),
});

const print = (rows: readonly Row[]): void =>
  console.table(
    rows.map(({ page, form, round, scores, metrics, faults }) => ({
      ...{ page, form, round, ...scores },
      ...Object.fromEntries(
        Object.entries(metrics).map(([name, n]) => [name, name === "CLS" ? n.toFixed(3) : `${Math.round(n)} ms`]),
      ),
      "below 50": faults.join("; "),
    })),
  );

it.skipIf(!hasBrowser || process.env["FORGEQ_LIGHTHOUSE"] === undefined)(
  "the pages are judged by Lighthouse",
  async () => {
    const { url } = await shop(20_000, true);
    const { origin } = await serve(url);
    const browser = await launch();
    const [cookie] = await (await signedIn(browser, origin)).cookies();
    const session = `${cookie!.name}=${cookie!.value}`;
    // Nothing beside what is measured.
    await browser.close();
    const rows: Row[] = [];
    for (let round = 1; round <= ROUNDS; round += 1)
      for (const form of FORMS)
        for (const page of PAGES) {
          const address = `${origin}/dashboard${page === "jobs" || page === "failures" ? `?page=${page}` : ""}`;
          rows.push(rowOf(await measure(address, form, page === "sign-in" ? null : session), { page, form, round }));
        }
    print(rows);

    for (const { page, form, scores } of rows)
      for (const category of WHOLE)
        expect([page, form, category, scores[category]]).toEqual([page, form, category, 100]);
    const performance = (form: Row["form"], page: Row["page"]): number =>
      median(
        rows.filter((row) => row.form === form && row.page === page).map(({ scores }) => scores["performance"] ?? 0),
      );
    for (const page of PAGES.slice(1)) {
      expect([page, performance("desktop", page)]).toEqual([
        page,
        expect.toSatisfy((n: number) => n >= LEAST_ON_DESKTOP),
      ]);
      expect(performance("mobile", page)).toBeGreaterThanOrEqual(performance("mobile", "sign-in") - MOST_BELOW_SIGN_IN);
    }
  },
  3_600_000,
);
