/** Parameters as both drivers send them alike: an instant as RFC 3339 in UTC, whatever the process' time zone. */
export const toParams = (params: readonly unknown[]): unknown[] =>
  params.map((param) => (param instanceof Date ? param.toISOString() : param));
