import { AwsClient } from "aws4fetch";
import { ForgeqError } from "../core/errors.ts";
import type { AwsAccess } from "./s3-put.ts";

const KEEP_MS = 5 * 60_000;
const TIMEOUT_MS = 5_000;

const kept = new Map<string, { readonly value: Promise<string>; readonly readAtMs: number }>();

const fetchParameter = async (name: string, access: AwsAccess): Promise<string> => {
  const aws = new AwsClient({ ...access.credentials, service: "ssm", region: access.region, retries: 2 });
  const response = await aws.fetch(access.endpoint ?? `https://ssm.${access.region}.amazonaws.com/`, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.GetParameter" },
    body: JSON.stringify({ Name: name, WithDecryption: true }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok)
    throw new ForgeqError("internal", `the SSM parameter ${name} can't be read: HTTP ${response.status}`);
  const { Parameter } = (await response.json()) as { Parameter?: { Value?: string } };
  if (Parameter?.Value === undefined) throw new ForgeqError("internal", `the SSM parameter ${name} has no value`);
  return Parameter.Value;
};

/**
 * A parameter of SSM, decrypted, by one signed request; kept for a while in this process. A failure is not kept.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
export const getParameter = (
  name: string,
  access: Omit<AwsAccess, "credentials"> & {
    readonly credentials: () => AwsAccess["credentials"];
    /** One that is older is read again; five minutes unless given. */
    readonly maxAgeMs?: number;
  },
): Promise<string> => {
  const found = kept.get(name);
  const maxAgeMs = access.maxAgeMs ?? KEEP_MS;
  if (found !== undefined && performance.now() - found.readAtMs < maxAgeMs) return found.value;
  const value = fetchParameter(name, { ...access, credentials: access.credentials() });
  kept.set(name, { value, readAtMs: performance.now() });
  value.catch(() => kept.delete(name));
  return value;
};
