/** The filter of the job list as it is typed: `type:send_email payload.customer_id:42 "two words"`. */

export interface Term {
  readonly field: string;
  readonly value: string;
}

/** What can be asked for, and how it is explained. */
export const FIELDS: Readonly<Record<string, string>> = {
  "type:": "a job type",
  "queue:": "a queue",
  "id:": "a job's id",
  "key:": "a unique key",
  "error:": "words of an error",
  "after:": "made after: 2030-01-31, or 2h for the last two hours",
  "before:": "made before: 2030-01-31T08:00, or 2h ago",
  "payload.": "a value of the payload: payload.customer_id:42",
  "metadata.": "a value of the metadata: metadata.tenant:acme",
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TERM = /(?:([A-Za-z]+(?:\.[^\s:"]+)*):)?(?:"((?:[^"\\]|\\.)*)"|(\S+))/g;

const known = (field: string): boolean => `${field}:` in FIELDS || /^(payload|metadata)\.[^.]/.test(field);

/** Words without a field are an id where they look like one, and words of an error otherwise. */
export const parseTerms = (text: string): Term[] =>
  [...text.matchAll(TERM)].flatMap(([whole, field, quoted, plain]) => {
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
    if (value === "") return [];
    if (field !== undefined && known(field)) return [{ field, value }];
    const word = field === undefined ? value : whole;
    return [{ field: UUID.test(word) ? "id" : "error", value: word }];
  });

export const printTerm = ({ field, value }: Term): string =>
  `${field}:${/[\s"\\]/.test(value) ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : value}`;

export const printTerms = (terms: readonly Term[]): string => terms.map(printTerm).join(" ");

/** Another value of a field replaces the one before: all terms have to fit. */
export const withTerms = (terms: readonly Term[], added: readonly Term[]): Term[] => [
  ...terms.filter(({ field }) => !added.some((each) => each.field === field)),
  ...added,
];

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2h` is so long ago; a date without a zone is local. @returns null when it is no time */
export const instantOf = (text: string, nowMs: number): string | null => {
  const [, amount, unit = ""] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const ms =
    amount === undefined
      ? Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text)
      : nowMs - Number(amount) * UNITS_MS[unit]!;
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
};

const PARAMETERS: Readonly<Record<string, string>> = {
  key: "unique_key",
  after: "created_after",
  before: "created_before",
};

/** The terms as the query of the API. */
export const queryOf = (terms: readonly Term[], nowMs: number): Record<string, string> =>
  Object.fromEntries(
    terms.map(({ field, value }) => [
      PARAMETERS[field] ?? field,
      field === "after" || field === "before" ? (instantOf(value, nowMs) ?? value) : value,
    ]),
  );

/** What a text that is being typed can become: fields, or the known values of one. */
export const suggestionsOf = (
  text: string,
  values: Readonly<Record<string, readonly string[]>>,
): { readonly text: string; readonly hint: string }[] => {
  const [, field, typed] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
  if (field === undefined)
    return Object.entries(FIELDS)
      .filter(([name]) => name.startsWith(text.toLowerCase()))
      .map(([name, hint]) => ({ text: name, hint }));
  return (values[field] ?? [])
    .filter((value) => value.includes(typed ?? "") && value !== typed)
    .slice(0, 8)
    .map((value) => ({ text: printTerm({ field, value }), hint: "" }));
};
