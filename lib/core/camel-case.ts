/** `unique_key` is `uniqueKey`: a name of the wire as TypeScript has it. */
export type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

export const camelCase = <Name extends string>(name: Name): CamelCase<Name> =>
  name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as CamelCase<Name>;

type CamelCased<Fields> = { [Name in keyof Fields as CamelCase<Name & string>]: Fields[Name] };

/** The same values by the names of TypeScript. */
export const camelCased = <Fields extends object>(fields: Fields): CamelCased<Fields> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [camelCase(name), value])) as CamelCased<Fields>;
