/** How the OpenAPI document describes a job that is sent: an envelope for each type, told apart by its type. */
import * as z from "zod";
import { withAliases } from "../core/aliases.ts";
import type { JobDefinition } from "../core/job.ts";
import { FIELD_NOTES } from "./described-job.ts";
import { enqueueBody, MAX_BATCH } from "./job-body.ts";

export type Json = Record<string, unknown>;

export const schemaOf = (schema: z.ZodType, io: "input" | "output"): Json => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return json;
};

export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** The envelope of one type; without one, of any. */
const envelope = (type?: string): Json => {
  const { properties, ...rest } = schemaOf(enqueueBody, "input") as { properties: Record<string, Json> };
  const whole = {
    ...properties,
    ...(type !== undefined && { type: { type: "string", const: type }, payload: ref(`payload.${type}`) }),
    metadata: { type: "object", additionalProperties: true },
  };
  return {
    ...rest,
    required: ["type", "payload"],
    properties: Object.fromEntries(
      Object.entries(whole).map(([name, schema]) => [
        name,
        // Beside a reference some tools ignore a description.
        name in FIELD_NOTES && !("$ref" in schema) ? { ...schema, description: FIELD_NOTES[name] } : schema,
      ]),
    ),
  };
};

/** An example of a type's payload, where its schema has one: `.meta({ examples: [...] })`. */
export const examplePayload = ({ payload }: JobDefinition): unknown =>
  (payload.meta() as { examples?: readonly unknown[] } | undefined)?.examples?.[0];

const BATCH: Json = {
  type: "object",
  required: ["jobs"],
  additionalProperties: false,
  properties: { jobs: { type: "array", minItems: 1, maxItems: MAX_BATCH, items: ref("NewJob") } },
};

/** The components of what an enqueue takes. */
export const newJobSchemas = (declared: readonly JobDefinition[]): Record<string, Json> => {
  const definitions = withAliases(declared);
  return {
    NewJob:
      definitions.length === 0
        ? envelope()
        : {
            oneOf: definitions.map(({ type }) => ref(`NewJob.${type}`)),
            discriminator: {
              propertyName: "type",
              mapping: Object.fromEntries(definitions.map(({ type }) => [type, `#/components/schemas/NewJob.${type}`])),
            },
          },
    NewBatch: BATCH,
    ...Object.fromEntries(
      definitions.flatMap(({ type, payload, aliasOf }) => [
        [`NewJob.${type}`, { ...envelope(type), ...(aliasOf !== undefined && { deprecated: true }) }],
        [`payload.${type}`, schemaOf(payload, "input")],
      ]),
    ),
  };
};
