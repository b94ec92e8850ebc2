// Says after `serverless package` how many connections to Postgres the functions can hold: forgeq doctor --connections compares it.

/** Connections of one environment while it works; lib/runtime.ts has the same. */
const connectionsOf = (key) => (key === "dispatcher" ? 3 : key.startsWith("handler-") ? 2 : 1);

/**
 * @param functions - `{ key, reserved }`; null where nothing but the account limits its concurrency
 * @returns the sum over those with a limit, and the others' keys
 */
export const sumConnections = (functions) => ({
  connections: functions.reduce((sum, { key, reserved }) => sum + (reserved ?? 0) * connectionsOf(key), 0),
  concurrency: functions.reduce((sum, { reserved }) => sum + (reserved ?? 0), 0),
  unlimited: functions.filter(({ reserved }) => reserved === null).map(({ key }) => key),
});

export const describeSum = ({ connections, concurrency, unlimited }) => {
  const limited = `Reserved concurrency: ${concurrency} in all, which is ${connections} connections to Postgres at most (docs/databases.md).`;
  return unlimited.length === 0 ? limited : `${limited} Without a limit of their own: ${unlimited.join(", ")}.`;
};

const functionsIn = (resources, prefix) =>
  Object.values(resources)
    .filter(({ Type }) => Type === "AWS::Lambda::Function")
    .map(({ Properties }) => ({
      key: Properties.FunctionName.slice(prefix.length + 1),
      reserved: Properties.ReservedConcurrentExecutions ?? null,
    }));

class Connections {
  constructor(serverless, _options, { log }) {
    const { service, provider } = serverless.service;
    this.hooks = {
      "after:package:finalize": () => {
        const { Resources } = provider.compiledCloudFormationTemplate;
        const prefix = `${service}-${serverless.getProvider("aws").getStage()}`;
        log.notice(describeSum(sumConnections(functionsIn(Resources, prefix))));
      },
    };
  }
}

// The framework loads this file by require, and takes what it gives for the class itself.
export { Connections as "module.exports" };
