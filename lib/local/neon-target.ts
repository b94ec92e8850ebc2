/** The Postgres behind the endpoints, reached without TLS. No request gets anywhere else, whatever its connection string says. */
export interface NeonTarget {
  readonly host: string;
  readonly port: number;
}
