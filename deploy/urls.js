// The URL of each part's database, where a parameter gives it one of its own: what its functions see, and the SSM parameter that their roles may read.

/** The names of the SSM parameters, by part; a part without one of its own has the parameter of all. */
export const databaseUrls = async (resolveVariable) => {
  const text = async (name) => String(await resolveVariable(`param:${name}`));
  const all = await text("databaseUrlParameter");
  const worker = (await text("workerDatabaseUrlParameter")) || all;
  return {
    all,
    enqueue: (await text("enqueueDatabaseUrlParameter")) || all,
    api: (await text("apiDatabaseUrlParameter")) || all,
    worker,
    handler: (await text("handlerDatabaseUrlParameter")) || worker,
  };
};

const environment = async ({ resolveVariable }) => {
  const { all, ...parts } = await databaseUrls(resolveVariable);
  return Object.fromEntries(
    Object.entries(parts).map(([part, name]) => [part, name === all ? {} : { FORGEQ_DATABASE_URL_PARAMETER: name }]),
  );
};

// The framework loads this file by require, and takes what it gives for the function itself.
export { environment as "module.exports" };
