/** SSM, Secrets Manager, Lambda, EventBridge Scheduler and S3, at their real host names. Each checks who signed, and what that role may do. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { checkSignature, type Signed } from "./signature.ts";
import {
  functionArn,
  type Grant,
  type LambdaFunction,
  parameterArn,
  REGION,
  scheduleArn,
  type Template,
} from "./template.ts";

/** What the services hold and note. A test may change what is not read-only at any moment. */
export interface Account {
  template: Template;
  readonly parameters: Map<string, string>;
  readonly secrets: Map<string, string>;
  /** Encrypts the parameters and the secrets, where given. */
  readonly kmsKey?: string | undefined;
  /** Answers in the place of SSM, where it is true: it has too much to do. */
  ssmThrottles: (key: string) => boolean;
  readonly grants: Map<string, Grant & { readonly key: string }>;
  /** What was refused, and why. */
  readonly refused: string[];
  readonly counts: Map<string, number>;
  /** Takes an asynchronous invoke. */
  readonly send: (fn: LambdaFunction, event: unknown) => void;
  /** Takes a one-shot of EventBridge Scheduler. */
  readonly arm: (name: string, atMs: number, fn: LambdaFunction, event: unknown) => boolean;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
interface Call extends Signed {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  /** Notes the statement that allows it. */
  readonly may: (action: string, resource: string, context?: Readonly<Record<string, string>>) => boolean;
}

const refusal = (type: string, message = type, status = 400): Answer => ({
  status,
  body: { __type: type, message, Message: message },
});

const mayDecrypt = ({ kmsKey }: Account, { may }: Call): boolean => kmsKey === undefined || may("kms:Decrypt", kmsKey);

const ssm = (account: Account, call: Call): Answer => {
  if (account.ssmThrottles(call.key)) return refusal("ThrottlingException", "Rate exceeded");
  const { Names } = JSON.parse(call.body.toString()) as { readonly Names: readonly string[] };
  if (!Names.every((name) => call.may("ssm:GetParameters", parameterArn(name))))
    return refusal("AccessDeniedException");
  if (!mayDecrypt(account, call)) return refusal("AccessDeniedException", "The ciphertext refers to a key");
  const known = Names.filter((name) => account.parameters.has(name));
  return {
    status: 200,
    body: {
      Parameters: known.map((Name) => ({ Name, Value: account.parameters.get(Name) })),
      InvalidParameters: Names.filter((name) => !account.parameters.has(name)),
    },
  };
};

const secretsManager = (account: Account, call: Call): Answer => {
  const { SecretId } = JSON.parse(call.body.toString()) as { readonly SecretId: string };
  const allowed = call.may("secretsmanager:GetSecretValue", SecretId) && mayDecrypt(account, call);
  const SecretString = account.secrets.get(SecretId);
  if (!allowed) return refusal("AccessDeniedException");
  return SecretString === undefined ? refusal("ResourceNotFoundException") : { status: 200, body: { SecretString } };
};

const byName = ({ template }: Account, name: string): LambdaFunction | undefined =>
  [...template.functions.values()].find((each) => each.name === name);

const lambda = (account: Account, { request, body, may }: Call): Answer => {
  const [, encoded = ""] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? "") ?? [];
  const name = decodeURIComponent(encoded);
  if (!may("lambda:InvokeFunction", functionArn(name))) return refusal("AccessDeniedException", name, 403);
  const fn = byName(account, name);
  if (fn === undefined) return refusal("ResourceNotFoundException", name, 404);
  if (request.headers["x-amz-invocation-type"] !== "Event") return refusal("InvalidRequest", "only Event here");
  account.send(fn, JSON.parse(body.toString()));
  return { status: 202, body: "" };
};

interface CreateSchedule {
  readonly GroupName: string;
  readonly ScheduleExpression: string;
  readonly Target: { readonly Arn: string; readonly RoleArn: string; readonly Input: string };
}

const scheduler = (account: Account, { request, body, may }: Call): Answer => {
  const name = request.url?.split("/").at(-1) ?? "";
  const { GroupName, ScheduleExpression, Target } = JSON.parse(body.toString()) as CreateSchedule;
  const passes = { "iam:PassedToService": "scheduler.amazonaws.com" };
  const allowed =
    may("scheduler:CreateSchedule", scheduleArn(GroupName, name)) && may("iam:PassRole", Target.RoleArn, passes);
  const fn = byName(account, Target.Arn.split(":").at(-1) ?? "");
  const role = Target.RoleArn.split("/").at(-1) ?? "";
  if (!allowed || fn === undefined || account.template.grant(role, "lambda:InvokeFunction", fn.arn) === undefined)
    return refusal("AccessDeniedException", name, 403);
  const atMs = Date.parse(`${/^at\((.*)\)$/.exec(ScheduleExpression)?.[1]}Z`);
  const isNew = account.arm(name, atMs, fn, JSON.parse(Target.Input));
  return isNew ? { status: 200, body: { ScheduleArn: name } } : refusal("ConflictException", name, 409);
};

const s3 = (_: Account, { request, may }: Call): Answer =>
  may("s3:PutObject", `arn:aws:s3:::${request.url?.slice(1)}`)
    ? { status: 200, body: "" }
    : { status: 403, body: "<Error><Code>AccessDenied</Code></Error>" };

const SERVICES = { lambda, s3, scheduler, secretsmanager: secretsManager, ssm };

const isService = (name: string): name is keyof typeof SERVICES => Object.hasOwn(SERVICES, name);

/** One request of a function, whoever it is for. */
export const serve = async (account: Account, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const answer = ({ status, body: sent }: Answer) =>
    response
      .writeHead(status, { "content-type": "application/json", "x-amzn-requestid": randomUUID() })
      .end(typeof sent === "string" ? sent : JSON.stringify(sent));
  const signed = checkSignature(request, body);
  const [service = ""] = (request.headers.host ?? "").split(".");
  if (typeof signed === "string" || signed.region !== REGION || signed.service !== service || !isService(service)) {
    account.refused.push(`${service}: ${typeof signed === "string" ? signed : "the wrong region or service"}`);
    return void answer(refusal("InvalidSignatureException", "the signature does not match", 403));
  }
  account.counts.set(service, (account.counts.get(service) ?? 0) + 1);
  const { role } = account.template.functions.get(signed.key)!;
  const may: Call["may"] = (action, resource, context) => {
    const grant = account.template.grant(role, action, resource, context);
    if (grant === undefined) account.refused.push(`${signed.key}: ${action} ${resource}`);
    else account.grants.set(`${signed.key} ${action} ${grant.resource}`, { ...grant, key: signed.key });
    return grant !== undefined;
  };
  answer(SERVICES[service](account, { ...signed, request, body, may }));
};
