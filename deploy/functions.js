// What is set on a function's own resource: data first, CloudFormation from it.

const asNumber = (text) => (text === "" ? null : Number(text));

/** Concurrent invocations that are reserved for a function, and its limit; null where there is none. */
const reservedFor = (settings, key) => {
  if (key.startsWith("handler-")) return asNumber(settings.handlerConcurrency);
  const own = {
    dispatcher: settings.dispatcherConcurrency,
    scheduler: settings.schedulerConcurrency,
    "failed-invocation": settings.failedInvocationConcurrency,
  };
  return asNumber(own[key] ?? "");
};

/** The plan of one function, from the parameters. */
export const functionPlan = (settings, key) => ({
  // Dispatcher, handler, job.enqueue, dispatcher is a chain that is meant; ForgeQ caps its depth itself.
  mayRecurse: key === "dispatcher" || key.startsWith("handler-"),
  vpc: settings.subnets.length === 0 ? null : { subnets: settings.subnets, securityGroups: settings.securityGroups },
  reserved: reservedFor(settings, key),
});

/** A plan as properties of AWS::Lambda::Function. */
export const printFunction = ({ mayRecurse, vpc, reserved }) => ({
  // What the runtime writes itself is JSON too, from the first line.
  LoggingConfig: { LogFormat: "JSON" },
  ...(mayRecurse ? { RecursiveLoop: "Allow" } : {}),
  ...(vpc === null ? {} : { VpcConfig: { SubnetIds: vpc.subnets, SecurityGroupIds: vpc.securityGroups } }),
  ...(reserved === null ? {} : { ReservedConcurrentExecutions: reserved }),
});
