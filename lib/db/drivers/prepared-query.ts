import type pg from "pg";
import { prepareValue } from "pg/lib/utils.js";
import { columnTypes } from "./columns.ts";
import type { Answer } from "./session.ts";

/** What pg gives a query that submits itself: the protocol's messages, and the statements that the connection has by name. */
interface Connection {
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: { readonly name: string; readonly text: string }): void;
  bind(portal: { readonly statement: string; readonly values: readonly unknown[] }): void;
  describe(what: { readonly type: "P" }): void;
  execute(portal: object): void;
  sync(): void;
}

type Row = Record<string, unknown>;

interface Columns {
  /** A row to copy, because an object that has its columns from the start is smaller and quicker. */
  readonly empty: Row;
  readonly columns: readonly { readonly name: string; readonly parse: (text: string) => unknown }[];
}

const columnsOf = (fields: readonly pg.FieldDef[]): Columns => ({
  empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
  columns: fields.map(({ name, dataTypeID }) => ({ name, parse: columnTypes.getTypeParser(dataTypeID) })),
});

const toRow = ({ empty, columns }: Columns, texts: readonly (string | null)[]): Row => {
  const row = { ...empty };
  columns.forEach(({ name, parse }, index) => {
    const text = texts[index] ?? null;
    if (text !== null) row[name] = parse(text);
  });
  return row;
};

/** What a connection's statements answer with, by name. Postgres refuses a name whose columns have changed since it was parsed. */
const described = new WeakMap<Connection, Map<string, Columns>>();

/**
 * A statement that its connection knows by name, as a client of pg submits it. Unlike pg's own query it asks what the columns are when it
 * is parsed, not each time, and copies nothing that describes it. See docs/adr/0013.
 */
export class NamedQuery {
  readonly text: string;
  readonly name: string;
  /** Set by the client. */
  callback: ((error: Error | null, answer?: Answer) => void) | undefined = undefined;
  readonly #values: readonly unknown[];
  readonly #rows: Row[] = [];
  #columns: Columns | undefined = undefined;
  #connection: Connection | undefined = undefined;
  #command = "";
  #failure: Error | null = null;

  constructor(text: string, name: string, values: readonly unknown[]) {
    this.text = text;
    this.name = name;
    this.#values = values.map(prepareValue);
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    const isParsed = connection.parsedStatements[this.name] !== undefined;
    if (isParsed) this.#columns = described.get(connection)?.get(this.name);
    connection.stream.cork();
    if (!isParsed) connection.parse(this);
    connection.bind({ statement: this.name, values: this.#values });
    if (this.#columns === undefined) connection.describe({ type: "P" });
    connection.execute({});
    connection.sync();
    connection.stream.uncork();
  }

  handleRowDescription({ fields }: { readonly fields: readonly pg.FieldDef[] }): void {
    this.#columns = columnsOf(fields);
    if (this.#connection === undefined) return;
    const known = described.get(this.#connection) ?? new Map<string, Columns>();
    described.set(this.#connection, known.set(this.name, this.#columns));
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#columns === undefined) return;
    try {
      this.#rows.push(toRow(this.#columns, fields));
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#command = text;
  }

  handleError(error: Error): void {
    this.callback?.(error);
  }

  handleReadyForQuery(): void {
    this.callback?.(this.#failure, { rows: this.#rows, command: this.#command });
  }
}
