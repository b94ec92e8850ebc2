// Where the functions of serverless.yml run: `local` under serverless-offline, alone or as a part of `npm start`.
const place = () => (process.argv.includes("offline") ? "local" : "aws");

// The framework loads this file by require, and takes what it gives for the function itself.
export { place as "module.exports" };
