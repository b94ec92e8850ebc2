import type { Command } from "commander";
import { Option } from "commander";
import { MAX_CONCURRENCY } from "../../core/places.ts";
import { address, integer, queuePlaces, seconds } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import type { WorkerCommandOptions } from "../run-worker.ts";

export const addWorker = (program: Command): void => {
  const command = program
    .command("worker")
    .description("Run jobs in this process, until Ctrl-C. Any number of workers, here and elsewhere, share a database.")
    .addOption(workersConcurrencyOption())
    .addOption(
      new Option(
        "--queue <name[:places]>",
        "only this queue, of which at most PLACES jobs run concurrently; may be given several times",
      ).argParser(queuePlaces),
    )
    .addOption(new Option("--once", "end when nothing is due any more"))
    .option("--no-scheduler", "leave schedules and clean-up to others")
    .addOption(graceOption())
    .addOption(metricsPortOption())
    .addOption(metricsHostOption())
    .action(async (_, self: Command) => {
      const { runWorker } = await import("../run-worker.ts");
      await runWorker(optionsOf<WorkerCommandOptions>(self));
    });
  withExamples(command, [
    ["forgeq worker --concurrency 10", "all queues"],
    ["forgeq worker --queue emails --queue crawl", "only these"],
    ["forgeq worker --queue emails:5 --queue reports:2", "at most 5 jobs of one and 2 of the other concurrently"],
    ["forgeq worker --once", "drain what is due, then end"],
    ["forgeq worker --metrics-port 9464", "with its own metrics for Prometheus"],
  ]);
};

/** How long jobs may go on after the first SIGINT or SIGTERM. */
export const graceOption = (): Option =>
  new Option("--grace <duration>", "after SIGINT or SIGTERM, time for what runs to end")
    .argParser(seconds)
    .default(30, "30s")
    .env("FORGEQ_GRACE");

const metricsPortOption = (): Option =>
  new Option(
    "--metrics-port <port>",
    "answer GET /metrics with this process's own numbers, GET /health, and GET /state with what it does next and why; 0 chooses a free one",
  )
    .argParser(integer(0, 65_535))
    .env("FORGEQ_METRICS_PORT");

const metricsHostOption = (): Option =>
  new Option("--metrics-host <address>", "to listen on for it")
    .argParser(address)
    .default("127.0.0.1")
    .env("FORGEQ_METRICS_HOST");

/** Without a default: it follows from the places of the queues. */
const workersConcurrencyOption = (): Option =>
  new Option("--concurrency <jobs>", "how many jobs run concurrently; 10, or the sum of the queues' places")
    .argParser(integer(1, MAX_CONCURRENCY))
    .env("FORGEQ_CONCURRENCY");

export const concurrencyOption = (): Option =>
  new Option("--concurrency <jobs>", "how many jobs run concurrently")
    .argParser(integer(1, MAX_CONCURRENCY))
    .default(10)
    .env("FORGEQ_CONCURRENCY");
