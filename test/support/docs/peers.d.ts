/** What the examples of docs take from the packages of other queues, which only bench/ installs. */
declare module "bullmq" {
  interface Job {
    readonly id?: string;
    readonly data: unknown;
    readonly timestamp: number;
    readonly delay: number;
    remove(): Promise<void>;
  }
  export interface Queue {
    getJobs(states: readonly ("waiting" | "delayed" | "prioritized")[]): Promise<Job[]>;
  }
}

/** And from the libraries of docs/how-to/transactions.md, which only test/tools/orms installs: test/e2e/transactions.test.ts compiles them with the real types. */
declare module "postgres" {
  export interface TransactionSql {
    unsafe(text: string, params: never[]): Promise<unknown[]>;
  }
}
declare module "drizzle-orm" {
  export interface SQL {
    readonly queryChunks: unknown[];
  }
  export const sql: {
    (strings: TemplateStringsArray, ...params: unknown[]): SQL;
    raw(text: string): SQL;
    param(value: unknown): unknown;
    join(parts: SQL[]): SQL;
  };
}
declare module "kysely" {
  export const CompiledQuery: { raw(text: string, params: unknown[]): object };
  export interface QueryExecutorProvider {
    getExecutor(): { executeQuery(query: object): Promise<{ rows: unknown[] }> };
  }
}
declare module "knex" {
  export namespace Knex {
    type Value = string | number | boolean | null;
    interface Transaction {
      raw(text: string, bindings: Value[]): PromiseLike<unknown>;
    }
  }
}
