import type { ComponentChildren } from "preact";

export interface Column<Row> {
  readonly head: string;
  /** Numbers stand at the end; actions take a line of their own on a phone, below no word. */
  readonly kind?: "num" | "actions";
  readonly class?: string;
  readonly cell: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  /** What it is a table of. */
  readonly label: string;
  /** The first one says which row it is; `false` is left out. */
  readonly columns: readonly (Column<Row> | false)[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}

const classOf = <Row,>({ kind, class: extra = "" }: Column<Row>): string =>
  `${kind === "actions" ? "wide" : (kind ?? "")} ${extra}`.trim();

/** Rows and columns; on a phone each row is a block, and each cell below its column's name. */
export const Table = <Row,>({ label, columns, rows, keyOf }: TableProps<Row>) => {
  const [first, ...others] = columns.filter((column) => column !== false);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Table of ${label}`}>
      <table class={`plain stacked ${others.filter(({ kind }) => kind === "num").length > 2 ? "numbers" : ""}`.trim()}>
        <thead>
          <tr>
            {first !== undefined &&
              [first, ...others].map(({ head, kind }) => (
                <th key={head} scope="col" class={kind === "num" ? "num" : ""}>
                  {head}
                </th>
              ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              <th scope="row" class={`wrap ${first?.class ?? ""}`.trim()}>
                {first?.cell(row)}
              </th>
              {others.map((column) => (
                <td
                  key={column.head}
                  class={classOf(column)}
                  {...(column.kind !== "actions" && { "data-label": column.head })}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};
