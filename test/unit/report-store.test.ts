import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { generateReport } from "../../functions/handlers/generate_report/job.ts";
import { folderStore } from "../../functions/handlers/generate_report/store.ts";

const setup = async () => {
  const root = await mkdtemp(join(tmpdir(), "forgeq-reports-"));
  onTestFinished(() => rm(root, { recursive: true }));
  return { root, folder: join(root, "not", "made"), signal: new AbortController().signal };
};

describe("a report in a folder", () => {
  it("makes the folder and says where the file is", async () => {
    const { folder, signal } = await setup();
    const file = await folderStore(folder)("report-1.csv", "a\r\n", signal);
    expect(file).toBe(join(folder, "report-1.csv"));
    expect(await readFile(file, "utf8")).toBe("a\r\n");
  });

  it("lets no other user of the machine read the file or the folder that it made", async () => {
    const { folder, signal } = await setup();
    const file = await folderStore(folder)("report-1.csv", "a\r\n", signal);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it("replaces the file of an earlier attempt and leaves no draft", async () => {
    const { folder, signal } = await setup();
    const store = folderStore(folder);
    await Promise.all(["a", "b", "c"].map((text) => store("report-1.csv", text.repeat(100_000), signal)));
    await store("report-1.csv", "last", signal);
    expect(await readdir(folder)).toEqual(["report-1.csv"]);
    expect(await readFile(join(folder, "report-1.csv"), "utf8")).toBe("last");
  });

  it("leaves nothing when it is stopped", async () => {
    const { folder } = await setup();
    await expect(folderStore(folder)("report-1.csv", "a", AbortSignal.abort(new Error("late")))).rejects.toThrow(
      "late",
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it("fails when the folder is a file", async () => {
    const { root, signal } = await setup();
    await writeFile(join(root, "file"), "");
    await expect(folderStore(join(root, "file"))("report-1.csv", "a", signal)).rejects.toThrow(/EEXIST|ENOTDIR/);
  });
});

describe("generate_report's payload", () => {
  const pointer = (payload: object) => generateReport.payload.safeParse(payload).error?.issues[0]?.path;

  it.each([
    [{ from: "2026-01-01T00:00:00Z", to: "2027-01-02T00:00:00Z" }, undefined],
    [{ from: "2026-01-01T00:00:00+02:00", to: "2025-12-31T22:00:00.001Z" }, undefined],
    [{ from: "2026-01-01T00:00:00+02:00", to: "2025-12-31T22:00:00Z" }, ["to"]],
    [{ from: "2026-01-01T00:00:00Z", to: "2027-01-02T00:00:00.001Z" }, ["to"]],
    [{ from: "2026-01-01T00:00:00", to: "2026-01-02T00:00:00Z" }, ["from"]],
    [{ from: "2026-02-30T00:00:00Z", to: "2026-03-02T00:00:00Z" }, ["from"]],
    [{ from: "2026-01-01T00:00:00Z" }, ["to"]],
  ])("%j is wrong at %j", (payload, path) => expect(pointer(payload)).toEqual(path));
});
