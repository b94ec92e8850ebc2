// The plugin of serverless.yml. The framework loads this file by require, and takes what it gives for the class itself.
export { default as "module.exports" } from "../lib/serverless/plugin.ts";
