import { spawnSync } from "node:child_process";
import { isRoot } from "../../../lib/local/postgres-binaries.ts";

/** Another user of this machine, who is not the one that Postgres runs as: www-data on Debian. */
export const STRANGER = 33;

/** Only root can be another user. */
export const canBeStranger = isRoot();

/** What a shell command of another user gives; nothing of this process' environment is seen by it. */
export const asStranger = (command: string, cwd = "/"): { readonly status: number | null; readonly stdout: string } =>
  spawnSync("/bin/sh", ["-c", command], {
    uid: STRANGER,
    gid: STRANGER,
    cwd,
    env: { PATH: process.env["PATH"] ?? "" },
    encoding: "utf8",
  });
