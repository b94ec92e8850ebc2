/** The enqueue function as one would write it first: the AWS SDK for SSM and Lambda, zod and both as they come from npm. */
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { createHandler } from "../../functions/enqueue.ts";
import { createPgDb } from "../../lib/db/drivers/pg.ts";
import { depsFor } from "../deps.ts";

const ssm = new SSMClient({});
const lambda = new LambdaClient({});

const parameter = async (name: string): Promise<string | undefined> =>
  (await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }))).Parameter?.Value;

export const handler = createHandler(
  async () => ({
    ...depsFor(createPgDb({ url: (await parameter("/forgeq/dev/database-url")) ?? "" })),
    invoker: {
      invoke: async (functionName, event) => {
        await lambda.send(
          new InvokeCommand({ FunctionName: functionName, InvocationType: "Event", Payload: JSON.stringify(event) }),
        );
        return { outcome: "accepted" };
      },
    },
  }),
  () => parameter("/forgeq/dev/api-keys"),
);
