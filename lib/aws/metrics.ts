import { Metrics as Powertools, MetricUnit } from "@aws-lambda-powertools/metrics";
import { CLOUDWATCH_METRICS, type CloudWatchMetric } from "../core/metric-names.ts";
import type { Dimensions, Metrics } from "../queue/deps.ts";

/** How many values of a metric CloudWatch takes in one line; Powertools would flush by itself at that number. */
const VALUES_PER_LINE = 99;
/** A long invocation is seen while it runs. */
const FLUSH_EVERY_MS = 30_000;

interface Gathered {
  readonly dimensions: Dimensions;
  readonly values: Map<CloudWatchMetric, number[]>;
}

export interface EmfOptions {
  /** The dimension that everything has. */
  readonly service: string;
  /** Whether metrics also have the dimension `type`: each combination of queue and type is billed as a metric of its own. */
  readonly byType: boolean;
  readonly elapsedMs: () => number;
}

/**
 * Metrics in CloudWatch's embedded metric format on stdout: no call, no process to scrape. Counts are summed and observations
 * gathered, and each flush writes one line for each queue. The first one says that this environment was cold.
 */
export const emfMetrics = ({ service, byType, elapsedMs }: EmfOptions): Metrics => {
  const powertools = new Powertools({ namespace: "ForgeQ", serviceName: service });
  const gathered = new Map<string, Gathered>();
  let flushedAtMs = elapsedMs();

  const valuesOf = (name: CloudWatchMetric, dimensions: Dimensions): number[] => {
    const key = `${dimensions.queue ?? ""}/${dimensions.type ?? ""}`;
    const of = gathered.get(key) ?? { dimensions, values: new Map<CloudWatchMetric, number[]>() };
    gathered.set(key, of);
    const values = of.values.get(name) ?? [];
    of.values.set(name, values);
    return values;
  };
  const eachOf = ({ queue, type }: Dimensions): Dimensions[] => {
    if (queue === undefined) return [{}];
    return byType && type !== undefined ? [{ queue }, { queue, type }] : [{ queue }];
  };
  const flushIfLate = (): void => {
    if (elapsedMs() - flushedAtMs >= FLUSH_EVERY_MS) flush();
  };

  const writeLine = ({ dimensions, values }: Gathered): void => {
    for (const [name, value] of Object.entries(dimensions)) powertools.addDimension(name, value as string);
    for (const [name, list] of values) {
      for (const value of list.splice(0, VALUES_PER_LINE))
        powertools.addMetric(name, MetricUnit[CLOUDWATCH_METRICS[name].unit], value);
      if (list.length === 0) values.delete(name);
    }
    powertools.publishStoredMetrics();
  };
  const flush = (): void => {
    flushedAtMs = elapsedMs();
    for (const of of gathered.values()) while (of.values.size > 0) writeLine(of);
    gathered.clear();
  };

  const metrics: Metrics = {
    count: (name, value, dimensions = {}) => {
      for (const each of eachOf(dimensions)) {
        const values = valuesOf(name, each);
        values[0] = (values[0] ?? 0) + value;
      }
      flushIfLate();
    },
    observe: (name, value, dimensions = {}) => {
      for (const each of eachOf(dimensions)) valuesOf(name, each).push(value);
      flushIfLate();
    },
    flush,
  };
  metrics.count("ColdStarts", 1);
  return metrics;
};
