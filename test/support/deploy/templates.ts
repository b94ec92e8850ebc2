/** CloudFormation templates as tests compare them. */
import { createHash } from "node:crypto";

export interface AnyResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
}

/** Without where a function's code lies, which is another place after each build. */
export const withoutCode = (resource: AnyResource): AnyResource => {
  if (resource.Type !== "AWS::Lambda::Function") return resource;
  const { Code, ...rest } = resource.Properties ?? {};
  return { ...resource, Properties: { ...rest, Code: typeof Code } };
};

type Resources = Readonly<Record<string, AnyResource>>;

/** What a tool adds for itself. */
const OF_TOOLS = /^(ServerlessDeploymentBucket|CDKMetadata)/;

/** Every reference to a resource of the template replaced by what `labelOf` says of it. */
const relabel = (value: unknown, labelOf: (id: string) => string | undefined): unknown => {
  if (Array.isArray(value)) return value.map((each) => relabel(each, labelOf));
  if (typeof value !== "object" || value === null) return value;
  const { Ref, "Fn::GetAtt": attribute } = value as { Ref?: string; "Fn::GetAtt"?: readonly [string, string] };
  const label = labelOf(Ref ?? attribute?.[0] ?? "");
  if (label !== undefined) return { [Ref === undefined ? `attribute ${attribute?.[1]}` : "ref"]: label };
  const entries = Object.entries(value).map(([key, each]) => [key, relabel(each, labelOf)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/**
 * The resources of a template as sorted texts, without their logical ids: a reference is what it leads to. Two templates are equal
 * but for names and order when these are.
 */
export const canonical = (template: { readonly Resources: Resources }): string[] => {
  const resources = new Map(
    Object.entries(template.Resources)
      .filter(([id]) => !OF_TOOLS.test(id))
      .map(([id, { Type, Properties, DependsOn = [] }]) => {
        const { Code: _, Handler: __, ...rest } = withoutCode({ Type, Properties: Properties ?? {} }).Properties ?? {};
        return [id, { Type, Properties: rest, DependsOn: [DependsOn].flat() }] as const;
      }),
  );
  let labels = new Map([...resources].map(([id, { Type }]) => [id, Type]));
  const show = (id: string): string => {
    const resource = resources.get(id);
    const { DependsOn = [], ...rest } = resource ?? {};
    const after = DependsOn.map((other) => labels.get(other) ?? other).sort();
    return JSON.stringify(relabel({ ...rest, after }, (other) => labels.get(other)));
  };
  // A label says what its resource is: after three rounds also what those are that it refers to.
  for (let round = 0; round < 3; round += 1)
    labels = new Map(
      [...resources].map(([id, { Type }]) => [
        id,
        `${Type} ${createHash("sha256").update(show(id)).digest("hex").slice(0, 12)}`,
      ]),
    );
  return [...resources.keys()].map(show).sort();
};
