// What the construct uses of aws-cdk-lib and constructs. Adopters bring the packages, with their types; this repository's own tests have
// them in test/tools/cdk.

declare module "constructs" {
  export class Construct {
    constructor(scope: Construct, id: string);
  }
}

declare module "aws-cdk-lib" {
  import type { Construct } from "constructs";

  export interface IResolvable {
    toString(): string;
  }

  export class CfnResource {
    constructor(
      scope: Construct,
      id: string,
      properties: { readonly type: string; readonly properties: Record<string, unknown> },
    );
    readonly ref: string;
    readonly logicalId: string;
    getAtt(name: string): IResolvable;
    addOverride(path: string, value: unknown): void;
  }

  export class Lazy {
    static any(producer: { produce(): unknown }): IResolvable;
  }

  export class Token {
    static asString(value: unknown): string;
  }

  export namespace aws_s3_assets {
    class Asset {
      constructor(scope: Construct, id: string, properties: { readonly path: string });
      readonly s3BucketName: string;
      readonly s3ObjectKey: string;
    }
  }

  export namespace aws_iam {
    interface IRole {
      readonly roleName: string;
    }
    class Role {
      static fromRoleName(scope: Construct, id: string, name: string): IRole;
    }
  }

  export namespace aws_lambda {
    interface IFunction {
      readonly functionArn: string;
    }
    class Function {
      static fromFunctionAttributes(
        scope: Construct,
        id: string,
        attributes: { readonly functionArn: string; readonly role: aws_iam.IRole; readonly sameEnvironment: boolean },
      ): IFunction;
    }
  }
}
