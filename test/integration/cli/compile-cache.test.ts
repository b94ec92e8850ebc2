import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, temporaryFolder } from "../../support/cli/cli.ts";
import { canBeStranger, STRANGER } from "../../support/cli/strangers.ts";

const TIME_OUT_MS = 60_000;

/** A home, and a temporary folder that all users share; `run` runs the command there, and says in what folder its code is kept. */
const setup = () => {
  const home = temporaryFolder();
  const shared = temporaryFolder();
  chmodSync(shared, 0o1777);
  const kept = join(home, ".cache", "forgeq");
  return {
    home,
    shared,
    kept,
    run: (entry: readonly string[]) => {
      const env = { PATH: process.env["PATH"], HOME: home, TMPDIR: shared };
      const { status, stdout } = spawnSync(process.execPath, [...entry, "--help"], {
        cwd: ROOT,
        env,
        encoding: "utf8",
      });
      expect([status, stdout]).toEqual([0, expect.stringContaining("Usage:")]);
      const entries = existsSync(kept) ? readdirSync(kept) : [];
      return { shared: readdirSync(shared), kept: entries };
    },
  };
};

const LAUNCHER = ["bin/forgeq.js"];

it(
  "keeps compiled code in a folder of its user alone, and not in the temporary folder",
  { timeout: TIME_OUT_MS },
  () => {
    const { run, kept } = setup();
    expect(run(["lib/cli/forgeq.ts"])).toEqual({ shared: [], kept: [] });
    expect(run(LAUNCHER)).toEqual({ shared: [], kept: [expect.stringMatching(/^v\d+/)] });
    expect(statSync(kept).mode & 0o777).toBe(0o700);
  },
);

it("runs without, where the folder is open to others or a link", { timeout: TIME_OUT_MS }, () => {
  const open = setup();
  mkdirSync(open.kept, { recursive: true });
  chmodSync(open.kept, 0o777);
  expect(open.run(LAUNCHER)).toEqual({ shared: [], kept: [] });

  const linked = setup();
  const target = temporaryFolder();
  mkdirSync(join(linked.home, ".cache"));
  symlinkSync(target, linked.kept);
  chmodSync(target, 0o700);
  expect(linked.run(LAUNCHER)).toEqual({ shared: [], kept: [] });

  const above = setup();
  mkdirSync(join(above.home, ".cache"));
  chmodSync(join(above.home, ".cache"), 0o777);
  expect(above.run(LAUNCHER)).toEqual({ shared: [], kept: [] });
});

it.skipIf(!canBeStranger)(
  "runs no code of another user, whose folder it is or lies in",
  { timeout: TIME_OUT_MS },
  () => {
    const planted = setup();
    mkdirSync(planted.kept, { recursive: true, mode: 0o700 });
    chownSync(planted.kept, STRANGER, STRANGER);
    expect(planted.run(LAUNCHER)).toEqual({ shared: [], kept: [] });

    // Root with the home of another user, as by sudo.
    const borrowed = setup();
    chownSync(borrowed.home, STRANGER, STRANGER);
    expect(borrowed.run(LAUNCHER)).toEqual({ shared: [], kept: [] });
    expect(readdirSync(borrowed.home)).toEqual([]);
  },
);
