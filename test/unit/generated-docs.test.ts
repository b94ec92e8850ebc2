import { expect, it } from "vitest";
import { bringUpToDate, FILES } from "../support/docs/parts.ts";
import { textOf } from "../support/sources.ts";

it.each(FILES)("%s says what the code says: npm run docs brings it up to date", async (file) => {
  expect(textOf(file)).toBe(await bringUpToDate(file));
});
