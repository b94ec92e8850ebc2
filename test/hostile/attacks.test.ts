/** Every attack on ForgeQ that is known, and the test that tries it. A test that is renamed or gone fails here. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../support/cli/cli.ts";
import { textOf } from "../support/sources.ts";

const I = "test/integration";

/** What somebody tries: in which file that is tried, and words of the test's title. */
const ATTACKS: Readonly<Record<string, readonly [file: string, title: string]>> = {
  "queues without end, by jobs": [`${I}/queues/queues-api.test.ts`, "refuses a job of an unknown queue with 422"],
  "queues without end, for whoever takes": [`${I}/queues/many-queues.test.ts`, "finds the ten due queues of 10,000"],
  "a page with a base and links that fill the memory": [
    "test/unit/crawl-memory.test.ts",
    "a long base, and many links",
  ],
  "the same, against a worker": ["test/hostile/requests.test.ts", "a worker outlives the pages of a hostile site"],
  "functions of the database, by a stranger's role": [
    `${I}/schema/roles.test.ts`,
    "is to call these functions and no other",
  ],
  "tables of the database, by a stranger's role": [
    `${I}/schema/roles.test.ts`,
    "is to read and write these columns and no other",
  ],
  "the time of a function, by a role": [
    `${I}/schema/roles.test.ts`,
    "is the owner's alone in every function that has one",
  ],
  "locks of the database, by a stranger's role": [`${I}/schema/stranger-locks.test.ts`, "whatever a stranger locks"],
  "the lock of migrate": [`${I}/schema/roles-migrate.test.ts`, "is held up by no lock that a stranger can take"],
  "a privilege that an upgrade gives back": [`${I}/schema/roles-migrate.test.ts`, "keeps what an operator took away"],
  "a forged push": [`${I}/enqueue/forged-push.test.ts`, "starts nothing, and is counted, when it is forged"],
  "payloads that pass on a channel": [`${I}/enqueue/forged-push.test.ts`, "so receives nothing"],
  "the embedded Postgres, by another user": [`${I}/cli/private-database.test.ts`, "lets in who has the password"],
  "mails of another user": [`${I}/handlers/mailbox.test.ts`, "where no other user of the machine can read them"],
  "reports of another user": ["test/unit/report-store.test.ts", "lets no other user of the machine read the file"],
  "compiled code of another user": [`${I}/cli/compile-cache.test.ts`, "runs no code of another user"],
  "a planted name in the temporary folder": [
    `${I}/cli/private-database.test.ts`,
    "refuses a planted name in the temporary folder",
  ],
  "secrets of the environment, by initdb": [`${I}/cli/private-database.test.ts`, "tells initdb and postgres nothing"],
  "a key that was revoked": ["test/unit/http-stored-keys.test.ts", "knows no key a minute after it was revoked"],
  "a key that was taken away": ["test/unit/http-key-ring.test.ts", "ends a key that was taken away after five minutes"],
  "a short key": [`${I}/cli/server-keys.test.ts`, "forgeq server does not start with"],
  "bodies without a key": [`${I}/cli/server-hostile.test.ts`, "200 connections that each send 5.9 MB"],
  "many connections of every hostile kind": [
    "test/hostile/connections.test.ts",
    "keeps its memory before 200 hostile connections",
  ],
  "bodies that stop in the middle": [`${I}/cli/server-hostile.test.ts`, "stop in the middle of a body, are closed"],
  "requests without a key that wake a database": [`${I}/http/strangers.test.ts`, "10,000 requests without a valid key"],
  "requests without end, by one key": ["test/unit/http-rate-limit.test.ts", "is answered with 429"],
  "control characters for terminals": [
    `${I}/cli/printed-controls.test.ts`,
    "escapes control characters of whatever was stored",
  ],
  "control characters in a unique key": [
    `${I}/enqueue/refused-in-sql.test.ts`,
    "a unique key with control characters is refused",
  ],
  "payloads, by a key that may not read": [
    `${I}/http/answers-by-key.test.ts`,
    "to a key that manages and may not read",
  ],
  "jobs by a schedule, by a key that may not write": [
    `${I}/http/answers-by-key.test.ts`,
    "lets nobody send jobs by a schedule",
  ],
  "jobs of other types, by a bound key": [`${I}/http/answers-by-key.test.ts`, "binds a key to its types"],
  "names of other types, by a bound key": [
    `${I}/http/answers-by-key.test.ts`,
    "names to a bound key the types that it may send",
  ],
  "values that SQL takes and HTTP refuses": [
    `${I}/enqueue/refused-in-sql.test.ts`,
    "in SQL a value that no job may have is refused",
  ],
  "odd rows, for lists": ["test/hostile/odd-rows.test.ts", "breaks no list and no look at a job over HTTP"],
  "odd rows, for workers": ["test/hostile/odd-rows.test.ts", "stops no worker"],
  "pages that are too large": [`${I}/http/pages.test.ts`, "cuts a page of large payloads at four megabytes"],
  "attempts without end": [`${I}/http/pages.test.ts`, "shows a job with its newest 100 attempts"],
  "reads that starve enqueues": [`${I}/http/exhausted.test.ts`, "stores jobs while as many reads as may run all wait"],
  "bodies that cost time": ["test/hostile/requests.test.ts", "refuses what is hostile, and goes on"],
  "thousands of broken requests": ["test/hostile/fuzz.test.ts", "hostile requests get answers of 4xx at worst"],
  "a web page, for endpoints of this machine": [
    `${I}/cli/local-endpoints.test.ts`,
    "is for programs that know it, and for no page",
  ],
  "a web page in a browser, for the dashboard": ["test/dashboard/safe.test.ts", "gives another origin nothing"],
  "a web page in a browser, for the local run": ["test/dashboard/other-page.test.ts", "reaches nothing of a local run"],
  "actions that leave no trace": ["test/unit/http-audit.test.ts", "a management action"],
  "a full disk": [`${I}/http/exhausted.test.ts`, "is answered with 503 and Retry-After"],
  "a stage in the path, past a proxy's rule": [
    "test/unit/http-stack.test.ts",
    "takes no stage off that the gateway did not put there",
  ],
  "a mail server without TLS, for a password": [
    `${I}/handlers/send-email.test.ts`,
    "gives no password to another machine that can't encrypt",
  ],
  "the body false": ["test/e2e/offline.test.ts", "takes each JSON text for a body"],
  "a private address, by crawl_page": [`${I}/handlers/crawl-page.test.ts`, "where crawl_page may go"],
};

describe("an attack that is known is tried:", () => {
  it.each(Object.entries(ATTACKS))("%s", (_, [file, title]) => {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(textOf(file)).toContain(title);
  });
});
