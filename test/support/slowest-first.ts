import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, of all projects, the slowest first. */
export const SLOW = [
  ...[
    "test/integration/http/bounded",
    "test/hostile/connections",
    "test/e2e/printers",
    "test/torture/pauses",
    "test/dashboard/pages",
  ],
  ...["test/e2e/pack", "test/e2e/examples", "test/lambda/faults", "test/integration/http/checks"],
  ...["test/dashboard/dialogs", "test/e2e/start", "test/e2e/new-type", "test/integration/worker/silent-listener"],
  ...["test/integration/worker/worker-process", "test/e2e/prometheus", "test/integration/drivers/deadlines"],
  ...["test/integration/worker/worker-restarts", "test/dashboard/delayed", "test/e2e/faults"],
  ...["test/integration/cli/command-roles", "test/integration/drivers/connection-faults"],
  ...["test/integration/enqueue/lost-enqueues", "test/integration/cli/cli", "test/integration/settings/settings"],
  ...["test/e2e/deployment", "test/integration/schedule/tick-parts", "test/integration/testing/test-runner"],
  ...["test/integration/reads/search-exact", "test/integration/lambda/simulate"],
  ...["test/integration/worker/servers-and-workers", "test/integration/aws/collected-deadlines"],
].map((name) => `${name}.test.ts`);

/** Starts the slow files first, so that none is left to run alone at the end; then the largest, as Vitest does. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = SLOW.findIndex((file) => moduleId.endsWith(`/${file}`));
      return at === -1 ? SLOW.length : at;
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}
