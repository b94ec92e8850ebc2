import * as z from "zod";
import type { Operations } from "../operation.ts";

/** The page of the API and its files. */
export const docsOperations = {
  getDocs: {
    method: "GET",
    path: "/docs",
    summary: "The OpenAPI document as a page; it holds no data, and asks this API for the document",
    scopes: [],
    // Only the browser reads it.
    query: z.looseObject({}),
    answers: { 200: { description: "The page.", contentType: "text/html" } },
    errors: ["not_found"],
  },
  getDocsFile: {
    method: "GET",
    path: "/docs/{file}",
    summary: "A script or style sheet of the page, by its hashed name",
    scopes: [],
    answers: { 200: { description: "The file.", contentType: "text/javascript" } },
    errors: ["not_found"],
  },
} as const satisfies Operations;
