import { expect, it } from "vitest";
import { sourcesOf, textOf } from "../support/sources.ts";

const PAGE = textOf("docs/reference/settings.md");

/** Variables that are not ForgeQ's own and that a user sets for it. */
const OTHERS = [
  "AWS_ENDPOINT_URL",
  "DATABASE_URL",
  "MAIL_FROM",
  "NO_COLOR",
  "PORT",
  "POWERTOOLS_METRICS_DISABLED",
  "SMTP_URL",
];

it("lists each variable of the code once, and no other", () => {
  const files = [...["lib", "functions", "bin", "deploy"].flatMap(sourcesOf), "serverless.yml"];
  const read = files.flatMap((file) => textOf(file).match(/\bFORGEQ_[A-Z]+(_[A-Z]+)*\b(?!_)/g) ?? []);
  const listed = [...PAGE.matchAll(/`([A-Z][A-Z_]+)`/g)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "RESOURCE-ID/ROLE");
  const inRows = PAGE.split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name = ""]) => name));
  expect(inRows.toSorted()).toEqual([...new Set([...read, ...OTHERS])].toSorted());
  expect(listed.filter((name) => !inRows.includes(name))).toEqual([]);
});
