/**
 * `npm run scale -- [--finished N] [--waiting N] [--schedules N] [--queues N] [--held] [--write]`: what each call costs in a database of this size, against
 * the bounds that no size may exceed (bounds.ts). Exit 1 where one does. FORGEQ_TEST_PG_BIN names another Postgres, as in tests.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { heldCalls } from "./calls/held.ts";
import { producerCalls } from "./calls/producer.ts";
import { readerCalls } from "./calls/reader.ts";
import { routeCalls } from "./calls/routes.ts";
import { runnerCalls } from "./calls/runner.ts";
import { tickCalls } from "./calls/ticks.ts";
import { openCluster } from "./cluster.ts";
import { DATABASE } from "./fill.ts";
import { createMeter } from "./meter.ts";
import { check, tableOf } from "./report.ts";
import { parseOptions } from "./sizes.ts";
import { createWorld } from "./world.ts";

const PAGE = join(import.meta.dirname, "../../docs/explanation/scale.md");
const [BEGIN, END] = ["<!-- npm run scale -- --write -->", "<!-- end -->"];

const write = (table: string): void => {
  const page = readFileSync(PAGE, "utf8");
  const [before, after] = [page.slice(0, page.indexOf(BEGIN) + BEGIN.length), page.slice(page.indexOf(END))];
  writeFileSync(PAGE, `${before}\n\n${table}\n\n${after}`);
};

const startedMs = performance.now();
const options = parseOptions(process.argv.slice(2));
const say = (text: string): void => {
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${text}`);
};
const cluster = await openCluster(options, say);
if (cluster !== null) {
  const { server } = cluster;
  let stopping = false;
  const stop = () => {
    stopping = true;
    void cluster.remove().finally(() => process.exit(130));
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const meter = await createMeter(server);
    const world = createWorld(meter, options.sizes, say);
    try {
      await producerCalls(world, server.url(DATABASE));
      await runnerCalls(world);
      await readerCalls(world);
      await routeCalls(world);
      await tickCalls(world);
      if (options.held) await heldCalls(world, server);
    } finally {
      await meter.close();
    }
    const { finished, schedules } = options.sizes;
    const checked = check(world.results, options.sizes, options.held && finished >= 100_000 && schedules > 0);
    const table = tableOf(checked, options.sizes);
    console.log(table);
    if (options.write) write(table);
    const over = checked.filter((each) => each.over.length > 0);
    for (const { measured, over: why } of over) console.error(`over: ${measured.name}: ${why.join("; ")}`);
    console.error(
      `${checked.length} calls, ${over.length} over their bounds, ${Math.round((performance.now() - startedMs) / 1000)} s`,
    );
    if (over.length > 0) process.exitCode = 1;
  } finally {
    if (!stopping) await cluster.remove();
  }
}
