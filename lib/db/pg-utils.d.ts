/** Of pg, without types of its own there. */
declare module "pg/lib/utils.js" {
  const utils: {
    /** A parameter as it is sent: null, bytes, or text. */
    readonly prepareValue: (value: unknown) => Buffer | string | null;
  };
  export default utils;
}
