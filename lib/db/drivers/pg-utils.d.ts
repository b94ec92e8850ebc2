/** A part of pg that is without types. */
declare module "pg/lib/utils.js" {
  /** A parameter as it is sent: null, bytes, or text. */
  export const prepareValue: (value: unknown) => Buffer | string | null;
}
