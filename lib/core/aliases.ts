import { ForgeqError } from "./errors.ts";
import type { JobDefinition } from "./job.ts";

/** A type that is known by other names, too: those that it had before. */
type Named = Pick<JobDefinition, "type" | "aliases">;

/** Every name of a type: its own first. */
export const namesOf = ({ type, aliases = [] }: Named): readonly string[] => [type, ...aliases];

/** The names of types by which others go, with the type that each stands for. */
export const aliasesOf = (definitions: readonly Named[]): Readonly<Record<string, string>> =>
  Object.fromEntries(definitions.flatMap(({ type, aliases = [] }) => aliases.map((alias) => [alias, type])));

/** A name that two types have, as their own or as an alias; null where there is none. */
export const sharedName = (definitions: readonly Named[]): string | null => {
  const names = definitions.flatMap(namesOf);
  return names.find((name, index) => names.indexOf(name) !== index) ?? null;
};

/**
 * The definitions, and for each alias one more: the same but for its name, and without schedules. So the database, the API and who runs jobs know the jobs that
 * were stored, and that others still enqueue, under an earlier name. Without aliases the definitions themselves.
 *
 * @throws {ForgeqError} `invalid_job` - a name is there twice
 */
export const withAliases = <Definition extends JobDefinition>(
  definitions: readonly Definition[],
): readonly Definition[] => {
  if (definitions.every(({ aliases = [] }) => aliases.length === 0)) return definitions;
  const twice = sharedName(definitions);
  if (twice !== null)
    throw new ForgeqError("invalid_job", `the job type ${twice} is there twice, as a type or as an alias`);
  return definitions.flatMap((definition) => [
    definition,
    ...(definition.aliases ?? []).map((type) => ({
      ...definition,
      type,
      aliases: [],
      schedules: [],
      aliasOf: definition.type,
    })),
  ]);
};

/** What runs jobs, by every name of its type. */
export const byName = <Handler extends { readonly definition: Named }>(
  handlers: Iterable<Handler>,
): ReadonlyMap<string, Handler> => {
  const all = [...handlers];
  const twice = sharedName(all.map(({ definition }) => definition));
  if (twice !== null)
    throw new ForgeqError("invalid_job", `the job type ${twice} is there twice, as a type or as an alias`);
  return new Map(all.flatMap((handler) => namesOf(handler.definition).map((name) => [name, handler] as const)));
};
