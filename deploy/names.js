// How the CloudFormation of deploy/ names and refers to things.

export const pascalCase = (key) => key.replace(/(?:^|[-_])(.)/g, (_, letter) => letter.toUpperCase());

/** As the framework names a function's resource. */
export const logicalId = (key) =>
  `${key.charAt(0).toUpperCase()}${key.slice(1)}`.replaceAll("-", "Dash").replaceAll("_", "Underscore") +
  "LambdaFunction";

export const PARTITION = { Ref: "AWS::Partition" };

// Fn::Join, because the framework takes the dollar signs of Fn::Sub for variables of its own here.
export const join = (...parts) => ({ "Fn::Join": [":", parts] });

/** The ARN of something in this account and region. */
export const arn = (service, resource) =>
  join("arn", PARTITION, service, { Ref: "AWS::Region" }, { Ref: "AWS::AccountId" }, resource);

/** A statement of a policy. */
export const allow = (Action, Resource) => ({ Effect: "Allow", Action, Resource });

/** The right to invoke these functions of a service. */
export const invoke = (prefix, keys) =>
  allow(
    "lambda:InvokeFunction",
    keys.map((key) => arn("lambda", `function:${prefix}-${key}`)),
  );
