import { expect, it } from "vitest";
import { PAGES, sentencesOf, wordsOf } from "../support/docs/prose.ts";

const MOST_WORDS = 30;

it.each(PAGES)("%s has no sentence of more than 30 words", (page) => {
  expect(sentencesOf(page).filter((sentence) => wordsOf(sentence) > MOST_WORDS)).toEqual([]);
});
