import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { generateReport } from "../../../functions/handlers/generate_report/job.ts";
import { report } from "../../../functions/handlers/generate_report/report.ts";
import { folderStore } from "../../../functions/handlers/generate_report/store.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { ensurePartitions } from "../../../lib/db/drivers/partitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const ID = "019ab000-0000-7000-8000-000000000001";

const INSERT = `insert into forgeq.job_history
  (id, life, finished_at, created_at, run_at, state, priority, attempt, max_attempts, depth, queue, type)
select gen_random_uuid(), $4, $1, $1, $1, $2::forgeq.finished_state, 5, 1, 8, 0, $3, $3 from generate_series(1, $5)`;

const finish = (db: Db, at: string, state: string, type: string, count = 1, life = 1) =>
  db.query(INSERT, [at, state, type, life, count]);

const setup = async () => {
  const { db } = await createTestDatabase();
  for (const week of ["2026-01-05T00:00:00Z", "2026-03-09T00:00:00Z"]) await ensurePartitions(db, new Date(week));
  const folder = await mkdtemp(join(tmpdir(), "forgeq-report-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const progress: (string | undefined)[] = [];
  const controller = new AbortController();
  const run = (payload: { from: string; to: string }, pageRows?: number) =>
    report(
      { db, store: folderStore(folder), ...(pageRows === undefined ? {} : { pageRows }) },
      generateReport.payload.parse(payload),
      {
        id: ID,
        signal: controller.signal,
        heartbeat: async () => undefined,
        progress: (_fraction, note) => void progress.push(note),
      },
    );
  return { db, folder, run, progress, controller };
};

describe("generate_report", () => {
  it("counts finished jobs by hour, type and state", async () => {
    const { db, run, folder } = await setup();
    await finish(db, "2026-01-07T10:00:00Z", "completed", "send_email", 3);
    await finish(db, "2026-01-07T12:59:59.999+02:00", "completed", "send_email", 2);
    await finish(db, "2026-01-07T10:30:00Z", "dead", "send_email");
    await finish(db, "2026-01-07T11:00:00Z", "cancelled", "crawl_page", 4);
    await finish(db, "2026-01-07T09:30:00Z", "completed", "crawl_page", 1, 2);

    const window = { from: "2026-01-07T00:00:00Z", to: "2026-01-08T00:00:00+00:00" };
    const result = await run(window);

    const file = join(folder, `report-${ID}.csv`);
    expect(result).toEqual({ file, rows: 4, totals: { completed: 6, dead: 1, cancelled: 4 }, ...window });
    expect(await readFile(file, "utf8")).toBe(
      [
        "hour,type,state,count",
        "2026-01-07T09:00:00.000Z,crawl_page,completed,1",
        "2026-01-07T10:00:00.000Z,send_email,completed,5",
        "2026-01-07T10:00:00.000Z,send_email,dead,1",
        "2026-01-07T11:00:00.000Z,crawl_page,cancelled,4",
        "",
      ].join("\r\n"),
    );
  });

  it("counts what finished at the window's beginning, not at its end", async () => {
    const { db, run } = await setup();
    for (const at of [
      "2026-01-11T23:59:59.999999Z",
      "2026-01-12T00:00:00Z",
      "2026-01-18T23:59:59.999999Z",
      "2026-01-19T00:00:00Z",
    ])
      await finish(db, at, "completed", "send_email");
    const { totals } = await run({ from: "2026-01-12T00:00:00Z", to: "2026-01-19T00:00:00Z" });
    expect(totals.completed).toBe(2);
  });

  it("counts each job once, whatever the size of a page", async () => {
    const { db, run } = await setup();
    for (const day of ["05", "12", "19", "26"])
      await finish(db, `2026-01-${day}T10:00:00Z`, "completed", "send_email", 25);
    const window = { from: "2026-01-05T00:00:00Z", to: "2026-02-01T00:00:00Z" };
    for (const pageRows of [1, 7, 50, 100, 101]) expect((await run(window, pageRows)).totals.completed).toBe(100);
  });

  it("examines no more rows a page than it may, however few lie in the window", async () => {
    const { db, run, progress } = await setup();
    await finish(db, "2026-01-05T10:00:00Z", "completed", "send_email", 100);
    await finish(db, "2026-03-10T10:00:00Z", "completed", "send_email", 100);
    await finish(db, "2026-01-07T10:00:00Z", "dead", "send_email");
    expect((await run({ from: "2026-01-07T10:00:00Z", to: "2026-01-07T11:00:00Z" }, 40)).rows).toBe(1);
    expect(progress).toEqual(["40 rows read", "80 rows read", "101 rows read"]);
  });

  it("gives a header alone for a window without jobs, also where no partition is", async () => {
    const { run } = await setup();
    const result = await run({ from: "2019-01-01T00:00:00Z", to: "2019-12-31T00:00:00Z" });
    expect(result).toMatchObject({ rows: 0, totals: { completed: 0, dead: 0, cancelled: 0 } });
    expect(await readFile(result.file, "utf8")).toBe("hour,type,state,count\r\n");
  });

  it("replaces the file when the job runs again", async () => {
    const { db, run, folder } = await setup();
    const window = { from: "2026-01-05T00:00:00Z", to: "2026-02-01T00:00:00Z" };
    await run(window);
    await finish(db, "2026-01-12T10:00:00Z", "completed", "send_email");
    const { file } = await run(window);
    expect(await readFile(file, "utf8")).toContain("send_email,completed,1\r\n");
    expect(await readdir(folder)).toHaveLength(1);
  });

  it("stops between two pages and leaves no file", async () => {
    const { db, run, folder, progress, controller } = await setup();
    await finish(db, "2026-01-05T10:00:00Z", "completed", "send_email", 10);
    progress.push = () => {
      controller.abort(new Error("the job was cancelled"));
      return 1;
    };
    const running = run({ from: "2026-01-05T00:00:00Z", to: "2026-02-01T00:00:00Z" }, 2);
    await expect(running).rejects.toThrow("the job was cancelled");
    expect(await readdir(folder)).toEqual([]);
  });
});
