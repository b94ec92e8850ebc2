import { type Command, InvalidArgumentError, Option } from "commander";
import { texts } from "../arguments.ts";
import { type GlobalOptions, optionsOf, withExamples } from "../command.ts";
import type { BuildCommandOptions, TemplateCommandOptions } from "../run-template.ts";

const NAME = /^[a-zA-Z][a-zA-Z0-9-]{0,39}$/;

const deployName = (text: string): string => {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError("Give at most 40 letters, digits and hyphens, a letter first.");
};

export const addBuild = (program: Command): void => {
  const command = program
    .command("build")
    .description("Bundle the project's functions for Lambda: a folder and a zip for each in .forgeq/build.")
    .addOption(new Option("--external <package>", "left out of the bundles; may be given often").argParser(texts))
    .action(async (_, self: Command) => {
      const { runBuild } = await import("../run-template.ts");
      await runBuild(optionsOf<BuildCommandOptions & GlobalOptions>(self));
    });
  withExamples(command, [["forgeq build", "before forgeq template, or cdk deploy with forgeq/cdk"]]);
};

export const addTemplate = (program: Command): void => {
  const command = program
    .command("template")
    .description("Print the CloudFormation of the functions that forgeq build made, as JSON.")
    .addOption(
      new Option("--service <name>", "what the functions' names begin with; service of forgeq.config.ts").argParser(
        deployName,
      ),
    )
    .addOption(new Option("--stage <name>", "stage of forgeq.config.ts, or dev").argParser(deployName))
    .addOption(
      new Option(
        "--param <name=value>",
        "of the deployment, before those of forgeq.config.ts; may be given often",
      ).argParser(texts),
    )
    .option("--out <file>", "write it there instead")
    .action(async (_, self: Command) => {
      const { runTemplate } = await import("../run-template.ts");
      runTemplate(optionsOf<TemplateCommandOptions & GlobalOptions>(self));
    });
  withExamples(command, [
    ["forgeq build && forgeq template --stage prod --out template.json", ""],
    ["aws s3 cp .forgeq/build s3://BUCKET/ --recursive --exclude '*' --include '*.zip'", ""],
    [
      "aws cloudformation deploy --template-file template.json --stack-name jobs --capabilities CAPABILITY_IAM --parameter-overrides CodeBucket=BUCKET",
      "",
    ],
  ]);
};
