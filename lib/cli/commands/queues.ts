import { Argument, type Command, Option } from "commander";
import { instant, integer, limit, name, nameList } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import { UsageError } from "../failure.ts";
import type { QueueLimitOptions, QueuePauseOptions } from "../run-queues.ts";

const MAX_LIMIT = 2_147_483_647;

const queueName = (): Argument => new Argument("<name>", "of the queue").argParser(name);

const addPause = (queues: Command): void => {
  const pause = queues
    .command("pause")
    .description(
      "Start no more jobs of a queue; what runs goes on. A queue that is paused already gets the new reason and end.",
    )
    .addArgument(queueName())
    .option("--reason <text>", "why, for whoever looks")
    .addOption(
      new Option("--until <instant>", "the pause ends then by itself, in ten years at most").argParser(instant),
    )
    .action(async (given: string, _, self: Command) => {
      const { runQueuesPause } = await import("../run-queues.ts");
      await runQueuesPause(given, optionsOf<QueuePauseOptions>(self));
    });
  withExamples(pause, [
    ["forgeq queues pause emails", ""],
    ['forgeq queues pause emails --reason "mail server is down" --until 2030-01-31T08:00:00Z', ""],
  ]);

  const resume = queues
    .command("resume")
    .description("Start jobs of a queue again, immediately.")
    .addArgument(queueName())
    .action(async (given: string, _, self: Command) => {
      const { runQueuesResume } = await import("../run-queues.ts");
      await runQueuesResume(given, optionsOf<object>(self));
    });
  withExamples(resume, [["forgeq queues resume emails", ""]]);
};

const addReset = (queues: Command): void => {
  const reset = queues
    .command("reset")
    .description("Take back the limits that were set by hand: those of the code are in force again.")
    .addArgument(queueName())
    .action(async (given: string, _, self: Command) => {
      const { runQueuesReset } = await import("../run-queues.ts");
      await runQueuesReset(given, optionsOf<object>(self));
    });
  withExamples(reset, [["forgeq queues reset emails", ""]]);
};

export const addQueues = (program: Command): void => {
  const queues = program.command("queues").description("List, pause, resume, limit, declare and delete queues.");
  withExamples(queues, [["forgeq queues list", ""]]);

  const list = queues
    .command("list")
    .description("Queues with their limits and the numbers of this moment.")
    .action(async (_, self: Command) => {
      const { runQueuesList } = await import("../run-queues.ts");
      await runQueuesList(optionsOf<object>(self));
    });
  withExamples(list, [["forgeq queues list --json | jq 'select(.paused)'", ""]]);

  addPause(queues);

  const set = queues
    .command("set")
    .description(
      "Set limits by hand; they win over the code's from then on. A lowered limit drains. With --types also declare a queue.",
    )
    .addArgument(queueName())
    .addOption(
      new Option("--max-in-flight <jobs>", "how many may be leased or running, or none").argParser(limit(0, MAX_LIMIT)),
    )
    .addOption(new Option("--max-pending <jobs>", "that may wait, or none").argParser(limit(0, MAX_LIMIT)))
    .addOption(new Option("--retention-days <days>", "that finished jobs are kept").argParser(integer(1, 3_650)))
    .addOption(
      new Option(
        "--types <types>",
        "whose jobs may go there besides those of types that the code names for it, as a,b, or none",
      ).argParser(nameList),
    )
    .action(async (given: string, options: QueueLimitOptions, self: Command) => {
      if (Object.keys(options).length === 0)
        throw new UsageError("give at least one of --max-in-flight, --max-pending, --retention-days and --types");
      const { runQueuesSet } = await import("../run-queues.ts");
      await runQueuesSet(given, optionsOf<QueueLimitOptions>(self));
    });
  withExamples(set, [
    ["forgeq queues set emails --max-in-flight 5", ""],
    ["forgeq queues set emails --max-in-flight none", ""],
    ["forgeq queues set newsletter --types send_email --max-in-flight 2", ""],
  ]);

  addReset(queues);

  const remove = queues
    .command("delete")
    .description("Delete a queue that has no live job and that the code does not declare. Its finished jobs stay.")
    .addArgument(queueName())
    .action(async (given: string, _, self: Command) => {
      const { runQueuesDelete } = await import("../run-queues.ts");
      await runQueuesDelete(given, optionsOf<object>(self));
    });
  withExamples(remove, [["forgeq queues delete newsletter", ""]]);
};
