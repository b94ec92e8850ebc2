/** `npm run simulate`: what a month costs, by mode and load, from hours of virtual time. */
import { expect, it } from "vitest";
import { SCHEDULE_DEFAULTS } from "../../lib/core/schedule.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { createSchedule } from "../../lib/queue/schedule/manage-schedules.ts";
import { simulate } from "../support/simulator.ts";

type Simulation = Awaited<ReturnType<typeof simulate>>;

const every = async ({ deps, virtual }: Simulation, seconds: number, hours: number): Promise<void> => {
  for (let passed = 0; passed < hours * 3600; passed += seconds) {
    await enqueueJobs(deps, [{ type: "plain", payload: {} }]);
    await virtual.pass(seconds);
  }
};

const hourly = {
  ...SCHEDULE_DEFAULTS,
  name: "hourly",
  cron: "@hourly",
  type: "plain",
};

/** Hours that are simulated; a month is extrapolated from them. */
const LOADS = [
  {
    load: "idle",
    hours: { always: 2, armed: 24 },
    run: ({ virtual }: Simulation, hours: number) => virtual.pass(hours * 3600),
  },
  {
    load: "a cron job every hour",
    hours: { always: 3, armed: 12 },
    run: async ({ deps, virtual }: Simulation, hours: number) => {
      await createSchedule(deps, hourly);
      await virtual.pass(hours * 3600);
    },
  },
  {
    load: "100 jobs a day",
    hours: { always: 3, armed: 12 },
    run: (s: Simulation, hours: number) => every(s, 864, hours),
  },
  {
    load: "1 M jobs a month",
    hours: { always: 0.2, armed: 0.2 },
    run: (s: Simulation, hours: number) => every(s, 2.628, hours),
  },
] as const;

const dollars = (amount: number): string => `$${amount.toFixed(2)}`;

it("prints what a month costs", async () => {
  const lines = [
    "| load | mode | database awake | invocations | Lambda and wakes | database | in all | simulated |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const { load, hours, run } of LOADS)
    for (const mode of ["always", "armed"] as const) {
      const s = await simulate({ mode });
      await run(s, hours[mode]);
      const month = s.monthly(hours[mode]);
      const cells = [
        load,
        mode,
        `${month.awakeHours.toFixed(0)} h`,
        Math.round(month.invocations).toLocaleString("en"),
        dollars(month.lambda),
        dollars(month.database),
        dollars(month.lambda + month.database),
        `${hours[mode]} h`,
      ];
      lines.push(`| ${cells.join(" | ")} |`);
      if (load === "idle" && mode === "armed") expect(s.meter.queries).toBe(0);
    }
  console.log(lines.join("\n"));
}, 1_800_000);
