/** Debian's Chromium, driven by playwright-core. Without either the tests that need them are left out, and say so. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, BrowserContext, BrowserContextOptions, BrowserType, Page } from "playwright-core";
import { ROOT } from "../../support/cli/cli.ts";
import { SECRET } from "../../support/http/http.ts";

export type { Browser, BrowserContext, Page, Route } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium";
const TOOLS = join(ROOT, "test", "tools", "dashboard");

/** .ci/run installs both, and says that they must be there. */
export const hasBrowser =
  (existsSync(CHROMIUM) && existsSync(join(TOOLS, "node_modules"))) ||
  process.env["FORGEQ_TEST_CHROMIUM"] === "required";

if (!hasBrowser)
  console.warn("Tests of the dashboard are left out: they need Debian's chromium, and npm ci in test/tools/dashboard.");

const require = createRequire(join(TOOLS, "package.json"));

export const launch = (): Promise<Browser> => {
  const { chromium } = require("playwright-core") as { chromium: BrowserType };
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
};

/** A browser of its own, with what its folder says that somebody prefers. */
export const launchWith = (folder: string): Promise<BrowserContext> => {
  const { chromium } = require("playwright-core") as { chromium: BrowserType };
  return chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu"],
  });
};

/** What went wrong in a page by itself: errors, and what the policy kept out. */
export interface Watched {
  readonly page: Page;
  readonly faults: string[];
  /** Addresses that were asked for, with their method. */
  readonly requests: { readonly method: string; readonly url: URL }[];
}

export const watch = (page: Page): Watched => {
  const faults: string[] = [];
  const requests: { method: string; url: URL }[] = [];
  // An answer that says what is wrong is no fault of the page.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  page.on("pageerror", (error) => void faults.push(String(error)));
  page.on("dialog", (dialog) => void faults.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => void requests.push({ method: request.method(), url: new URL(request.url()) }));
  return { page, faults, requests };
};

/** Signs in without the form. */
export const signIn = async (context: BrowserContext, origin: string, readOnly = false): Promise<void> => {
  const answer = await context.request.post(`${origin}/session`, {
    data: { key: SECRET, read_only: readOnly },
    headers: { "x-forgeq-dashboard": "1" },
  });
  if (!answer.ok()) throw new Error(`sign-in was answered by ${answer.status()}: ${await answer.text()}`);
};

/** A browser that nobody has used yet, signed in. */
export const signedIn = async (
  browser: Browser,
  origin: string,
  { readOnly = false, ...options }: BrowserContextOptions & { readonly readOnly?: boolean } = {},
): Promise<BrowserContext> => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  await signIn(context, origin, readOnly);
  return context;
};

/** Opens a page of the dashboard and waits until it shows something. */
export const open = async (context: BrowserContext, origin: string, address = ""): Promise<Watched> => {
  const watched = watch(await context.newPage());
  await watched.page.goto(`${origin}/dashboard${address}`);
  await watched.page.locator("main, form").first().waitFor();
  return watched;
};

export interface Violation {
  readonly id: string;
  readonly nodes: readonly string[];
}

const AXE = join(TOOLS, "node_modules", "axe-core", "axe.min.js");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds wrong in a page as it is. */
export const violationsOf = async (page: Page): Promise<readonly Violation[]> => {
  // Through the debugger: the page's own policy lets no script in.
  await page.evaluate(readFileSync(AXE, "utf8"));
  return page.evaluate(async (tags) => {
    type Axe = {
      run: (node: Document, options: object) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
    };
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run(document, {
      runOnly: { type: "tag", values: tags },
    });
    return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html.slice(0, 200)) }));
  }, TAGS);
};

/** How many pixels a page is wider than its window. */
export const tooWide = (page: Page): Promise<number> =>
  page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
