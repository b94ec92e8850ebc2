import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { emfMetrics } from "../../lib/aws/metrics.ts";
import { CLOUDWATCH_METRICS } from "../../lib/core/metric-names.ts";
import { sourcesOf, textOf } from "../support/sources.ts";

interface Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [name: string]: unknown;
}

describe("the metrics of functions", () => {
  const written: string[] = [];
  beforeEach(() => {
    vi.stubEnv("POWERTOOLS_DEV", "true");
    vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
    vi.spyOn(console, "log").mockImplementation((line: string) => void written.push(line));
  });
  afterEach(() => {
    written.length = 0;
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });
  const lines = () => written.map((text) => JSON.parse(text) as Line);
  const setup = (byType = false) => {
    let nowMs = 0;
    const metrics = emfMetrics({ service: "forgeq-test", byType, elapsedMs: () => nowMs });
    return { metrics, moveToMs: (ms: number) => (nowMs = ms) };
  };

  it("are one line for each queue at a flush, counts summed, durations listed", () => {
    const { metrics } = setup();
    metrics.count("JobsCompleted", 2, { queue: "emails", type: "send_email" });
    metrics.count("JobsCompleted", 3, { queue: "emails", type: "other" });
    metrics.observe("JobRun", 12, { queue: "emails" });
    metrics.observe("JobRun", 13, { queue: "emails" });
    metrics.count("JobsDead", 1, { queue: "crawl" });
    expect(written).toEqual([]);
    metrics.flush();
    expect(lines()).toMatchObject([
      { service: "forgeq-test", ColdStarts: 1 },
      { service: "forgeq-test", queue: "emails", JobsCompleted: 5, JobRun: [12, 13] },
      { service: "forgeq-test", queue: "crawl", JobsDead: 1 },
    ]);
    expect(lines()[1]?._aws.CloudWatchMetrics).toEqual([
      {
        Namespace: "ForgeQ",
        Dimensions: [["service", "queue"]],
        Metrics: [
          { Name: "JobsCompleted", Unit: "Count" },
          { Name: "JobRun", Unit: "Milliseconds" },
        ],
      },
    ]);
    metrics.flush();
    expect(written).toHaveLength(3);
  });

  it("lose no value where there are more than one line holds", () => {
    const { metrics } = setup();
    for (let n = 0; n < 250; n += 1) metrics.observe("JobWait", n, { queue: "emails" });
    metrics.flush();
    const waits = lines().filter((line) => line["queue"] === "emails");
    expect(waits.flatMap((line) => line["JobWait"])).toEqual([...Array(250).keys()]);
    for (const line of waits) expect(line._aws.CloudWatchMetrics[0]?.Dimensions).toEqual([["service", "queue"]]);
  });

  it("are written every half minute of a long invocation", () => {
    const { metrics, moveToMs } = setup();
    metrics.count("Ticks", 1);
    moveToMs(29_999);
    metrics.count("Ticks", 1);
    expect(written).toEqual([]);
    moveToMs(30_000);
    metrics.count("Ticks", 1);
    expect(lines()).toMatchObject([{ Ticks: 3, ColdStarts: 1 }]);
  });

  it("have the type as a dimension only where it is asked for", () => {
    const { metrics } = setup(true);
    metrics.count("JobsDead", 1, { queue: "emails", type: "send_email" });
    metrics.flush();
    expect(lines().map((line) => line._aws.CloudWatchMetrics[0]?.Dimensions)).toEqual([
      [["service"]],
      [["service", "queue"]],
      [["service", "queue", "type"]],
    ]);
  });

  it("are all written somewhere", () => {
    const code = ["lib/queue", "lib/aws", "lib/http"].flatMap(sourcesOf).map(textOf).join("\n");
    expect(Object.keys(CLOUDWATCH_METRICS).filter((name) => !code.includes(`"${name}"`))).toEqual([]);
  });
});
