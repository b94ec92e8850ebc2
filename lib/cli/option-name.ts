/** `unique_key` is `uniqueKey` as commander names the option `--unique-key`. */
export type OptionName<Field extends string> = Field extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<OptionName<Rest>>}`
  : Field;

export const optionName = <Field extends string>(field: Field): OptionName<Field> =>
  field.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as OptionName<Field>;
