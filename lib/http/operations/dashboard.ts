import * as z from "zod";
import type { Operations } from "../operation.ts";

/** The dashboard's page and files. */
export const dashboardOperations = {
  getDashboard: {
    method: "GET",
    path: "/dashboard",
    summary: "The dashboard's page; it holds no data, and asks this API for them",
    scopes: [],
    // The page's own state, which only the browser reads.
    query: z.looseObject({}),
    answers: { 200: { description: "The page.", contentType: "text/html" } },
    errors: ["not_found"],
  },
  getDashboardSlash: {
    method: "GET",
    path: "/dashboard/",
    summary: "Leads to the dashboard's page, whose addresses are relative to it",
    scopes: [],
    query: z.looseObject({}),
    answers: { 308: { description: "The page is at `location`.", contentType: "text/plain", located: true } },
    errors: [],
  },
  getDashboardFile: {
    method: "GET",
    path: "/dashboard/{file}",
    summary: "A script or style sheet of the dashboard, by its hashed name",
    scopes: [],
    answers: { 200: { description: "The file.", contentType: "text/javascript" } },
    errors: ["not_found"],
  },
} as const satisfies Operations;
