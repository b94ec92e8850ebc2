import type * as z from "zod";
import type * as answers from "./answers.ts";
import type { ProblemCode } from "./problem.ts";
import type { Guarded } from "./router.ts";

export interface Answer {
  readonly description: string;
  /** Of lib/http/answers.ts: its name there. A list of names is any of them. */
  readonly schema?: keyof typeof answers;
  /** The content type of a text; JSON unless given. */
  readonly contentType?: string;
  /** It has a `location`: the path of what was made, or was there. */
  readonly located?: true;
}

/** One row of the route table: what the stack enforces, what is deployed, and what the documents say. */
export interface Operation extends Guarded {
  /** The deployed function; `api` unless given. */
  readonly function?: "enqueue";
  readonly summary: string;
  /** Its handler takes `Idempotency-Key`: see functions/routes/once.ts. */
  readonly takesKey?: true;
  /** The answers by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Errors in addition to those that every operation with a key, or with a body, can answer. */
  readonly errors: readonly ProblemCode[];
}

/** Rows by operation id. */
export type Operations = Readonly<Record<string, Operation>>;

/** What a handler gets of a row's query: what its schema gives. */
export type QueryOf<Row> = Row extends { readonly query: infer Schema extends z.ZodType } ? z.output<Schema> : object;

/** The same of its body; one that the handler checks itself is unknown. */
export type BodyOf<Row> = Row extends { readonly body: { readonly checkedByHandler: true } }
  ? unknown
  : Row extends { readonly body: { readonly schema: infer Schema extends z.ZodType } }
    ? z.output<Schema>
    : undefined;
