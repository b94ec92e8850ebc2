import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { CATCH_UPS, MAX_CATCH_UP, MAX_JITTER_SECONDS, OVERLAPS } from "../../core/schedule.ts";
import { instant, integer, name } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import type * as runSchedules from "../run-schedules.ts";
import type { ScheduleOptions } from "../run-schedules.ts";

const scheduleName = (): Argument => new Argument("<name>", "of the schedule").argParser(name);

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("it is not JSON.");
  }
};

const withFields = (command: Command, required: boolean): Command =>
  command
    .addOption(
      new Option("--cron <rule>", "five fields, six with seconds first, or @daily and the like").makeOptionMandatory(
        required,
      ),
    )
    .addOption(new Option("--type <type>", "of its jobs").argParser(name).makeOptionMandatory(required))
    .addOption(new Option("--timezone <zone>", "of the IANA database; UTC unless given"))
    .addOption(new Option("--payload <json>", "of its jobs; {} unless given").argParser(json))
    .addOption(new Option("--queue <queue>", "the type's unless given").argParser(name))
    .addOption(new Option("--priority <priority>", "0 to 9, lower first").argParser(integer(0, 9)))
    .addOption(new Option("--overlap <policy>", "while an earlier job of it lives").choices(OVERLAPS))
    .addOption(new Option("--catch-up <policy>", "of slots that were missed").choices(CATCH_UPS))
    .addOption(new Option("--catch-up-limit <jobs>", "of one catch-up of all").argParser(integer(1, MAX_CATCH_UP)))
    .addOption(new Option("--starts-at <instant>", "no slot before it").argParser(instant))
    .addOption(new Option("--ends-at <instant>", "no slot after it").argParser(instant))
    .addOption(
      new Option("--jitter-seconds <seconds>", "its jobs are due up to this much later").argParser(
        integer(0, MAX_JITTER_SECONDS),
      ),
    )
    .addOption(
      new Option("--max-attempts <number>", "of its jobs; the type's unless given").argParser(integer(1, 1000)),
    )
    .addOption(new Option("--unique-key <key>", "of its jobs: while one of them lives, a slot makes none"))
    .addOption(new Option("--metadata <json>", "an object kept with its jobs").argParser(json));

type Runs = typeof runSchedules;

/** A subcommand that takes a schedule's name. */
const named = (
  parent: Command,
  word: string,
  about: string,
  run: (runs: Runs, given: string, self: Command) => Promise<void>,
): Command =>
  parent
    .command(word)
    .description(about)
    .addArgument(scheduleName())
    .action(async (given: string, _, self: Command) => run(await import("../run-schedules.ts"), given, self));

export const addSchedules = (program: Command): void => {
  const schedules = program.command("schedules").description("List, make, change and trigger schedules.");
  withExamples(schedules, [["forgeq schedules list", ""]]);

  const list = schedules
    .command("list")
    .description("Schedules with their last and next slots.")
    .action(async (_, self: Command) => {
      const { runSchedulesList } = await import("../run-schedules.ts");
      await runSchedulesList(optionsOf<object>(self));
    });
  withExamples(list, [["forgeq schedules list --json | jq 'select(.paused)'", ""]]);

  const show = named(schedules, "show", "One schedule, its rule in words and its next slots.", (runs, given, self) =>
    runs.runSchedulesShow(given, optionsOf<object>(self)),
  );
  withExamples(show, [["forgeq schedules show digest", ""]]);

  const create = withFields(
    named(schedules, "create", "Make a schedule.", (runs, given, self) =>
      runs.runSchedulesCreate(given, optionsOf<ScheduleOptions>(self)),
    ),
    true,
  );
  withExamples(create, [
    [
      "forgeq schedules create digest --cron '0 9 * * 1-5' --timezone Europe/Berlin --type send_email --payload '{\"email\":\"test@example.com\"}'",
      "",
    ],
  ]);

  const update = withFields(
    named(schedules, "update", "Change what is given; slots that are due by then fire first.", (runs, given, self) =>
      runs.runSchedulesUpdate(given, optionsOf<ScheduleOptions>(self)),
    ),
    false,
  );
  withExamples(update, [["forgeq schedules update digest --cron '0 8 * * 1-5'", ""]]);

  const remove = named(schedules, "delete", "Remove a schedule; its jobs stay.", (runs, given, self) =>
    runs.runSchedulesDelete(given, optionsOf<object>(self)),
  );
  withExamples(remove, [["forgeq schedules delete digest", ""]]);

  const pause = named(schedules, "pause", "Fire no slot until it is resumed.", (runs, given, self) =>
    runs.runSchedulesPause(given, true, optionsOf<object>(self)),
  );
  withExamples(pause, [["forgeq schedules pause digest", ""]]);

  const resume = named(
    schedules,
    "resume",
    "Fire slots from now on; those of the pause stay away.",
    (runs, given, self) => runs.runSchedulesPause(given, false, optionsOf<object>(self)),
  );
  withExamples(resume, [["forgeq schedules resume digest", ""]]);

  const trigger = named(
    schedules,
    "trigger",
    "Enqueue one job of it now, in addition to its slots.",
    (runs, given, self) => runs.runSchedulesTrigger(given, optionsOf<object>(self)),
  );
  withExamples(trigger, [["forgeq schedules trigger digest", ""]]);

  const preview = schedules
    .command("preview")
    .description("The next slots of any rule, and what it says in words. Needs no database.")
    .addArgument(new Argument("<cron>", "the rule, in quotes"))
    .addOption(new Option("--timezone <zone>", "of the IANA database; UTC unless given"))
    .addOption(new Option("--count <slots>", "10 unless given").argParser(integer(1, 1_000)))
    .addOption(new Option("--after <instant>", "now unless given").argParser(instant))
    .action(async (given: string, _, self: Command) => {
      const { runSchedulesPreview } = await import("../run-schedules.ts");
      await runSchedulesPreview(given, optionsOf<object>(self));
    });
  withExamples(preview, [
    ["forgeq schedules preview '30 2 * * *' --timezone Europe/Berlin --after 2026-03-28T00:00:00Z", ""],
  ]);
};
