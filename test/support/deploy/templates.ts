/** CloudFormation templates as tests compare them. */

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
