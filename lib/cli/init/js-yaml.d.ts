// What is used of js-yaml, which brings no types.

declare module "js-yaml" {
  class Type {
    constructor(
      tag: string,
      options: {
        readonly kind: "scalar" | "sequence" | "mapping";
        /** For each tag that begins so. */
        readonly multi: boolean;
        construct(data: unknown, tag: string): unknown;
      },
    );
  }
  interface Schema {
    extend(types: readonly Type[]): Schema;
  }
  interface Library {
    readonly Type: typeof Type;
    readonly DEFAULT_SCHEMA: Schema;
    load(text: string, options: { readonly schema: Schema }): unknown;
  }
  const library: Library;
  export default library;
}
