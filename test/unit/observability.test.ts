import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { alarmResources } from "../../lib/deploy/alarms.ts";
import { idsOf } from "../../lib/deploy/names.ts";
import { CLOUDWATCH_METRICS, PROMETHEUS_METRICS, WORKER_METRICS } from "../../lib/core/metric-names.ts";

const handlers = Array.from({ length: 12 }, (_, n) => ({ name: `forgeq-dev-handler-${n}`, timeoutSeconds: 60 }));
const resources = (wake: "always" | "armed" = "always", topicArn = "") =>
  alarmResources({
    ids: idsOf(false),
    ...{ service: "forgeq-dev", wake, lateSeconds: 300, metrics: true, topicArn, handlers },
    asynchronous: ["forgeq-dev-dispatcher", ...handlers.map(({ name }) => name)],
  });
const alarms = Object.values(resources()).filter(({ Type }) => Type === "AWS::CloudWatch::Alarm");

const docs = readFileSync("docs/observability.md", "utf8");
const rules = readFileSync("deploy/prometheus/alerts.yml", "utf8");
const dashboard = JSON.parse(readFileSync("deploy/grafana/forgeq.json", "utf8")) as {
  panels: { title: string; targets?: { expr: string }[] }[];
  templating: { list: { query: { query: string } | string }[] };
};
const queries = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => (typeof query === "string" ? "" : query.query)),
  ...[...rules.matchAll(/expr: (.*)/g)].map(([, expr = ""]) => expr),
];

/** Those of all processes, and of a worker's own. */
const METRICS = { ...PROMETHEUS_METRICS, ...WORKER_METRICS };
/** A metric as a query names it: a histogram by its parts. */
const names = Object.entries(METRICS).flatMap(([name, { type }]) =>
  type === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => name + part) : [name],
);

describe("dashboards and alert rules", () => {
  it("ask for metrics that exist, and for every one of them", () => {
    const asked = new Set(queries.flatMap((query) => query.match(/forgeq_\w+/g) ?? []));
    expect([...asked].filter((name) => !names.includes(name))).toEqual([]);
    const unseen = Object.keys(PROMETHEUS_METRICS).filter((name) => ![...asked].some((each) => each.startsWith(name)));
    expect(unseen).toEqual([]);
    expect(queries.length).toBeGreaterThan(20);
  });

  it("select by labels that the metric has", () => {
    for (const query of queries) {
      for (const [, name = "", selector = ""] of query.matchAll(/(forgeq_\w+)\{([^}]*)\}/g)) {
        const metric = METRICS[name.replace(/_(bucket|sum|count)$/, "") as keyof typeof METRICS];
        const labels = [...selector.matchAll(/(\w+)(?:=|!)/g)].map(([, label]) => label);
        expect(metric.labels, query).toEqual(expect.arrayContaining(labels));
      }
    }
  });

  it("ask CloudWatch for metrics that functions write", () => {
    const text = JSON.stringify(resources());
    const own = [
      ...text.matchAll(/(?:MAX|SUM)\((\w+)\)/g),
      ...text.matchAll(/MetricName=\\*"(\w+)/g),
      ...text.matchAll(/"Namespace":"ForgeQ","MetricName":"(\w+)"/g),
    ].map(([, name = ""]) => name);
    expect(own.length).toBeGreaterThan(12);
    expect(own.filter((name) => !(name in CLOUDWATCH_METRICS))).toEqual([]);
  });
});

describe("runbook", () => {
  const linked = [...rules.matchAll(/runbook: (\S+)/g)].map(([, page = ""]) => page);
  const described = alarms.map(
    ({ Properties }) => /See (\S+)$/.exec(JSON.stringify(Properties["AlarmDescription"]).replace(/"$/, ""))?.[1] ?? "",
  );

  it("has a page for each alarm and rule, and no other", () => {
    const pages = readdirSync("docs/runbook").map((file) => `docs/runbook/${file}`);
    expect([...new Set([...linked, ...described])].sort()).toEqual(pages.sort());
    expect(linked.length).toBe([...rules.matchAll(/- alert:/g)].length);
  });

  it("says on each page what it means, how to see it and what to do", () => {
    for (const page of new Set([...linked, ...described])) {
      expect(existsSync(page)).toBe(true);
      const headings = [...readFileSync(page, "utf8").matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
      expect(headings).toEqual(["What it means", "How to see it", "What to do"]);
    }
  });
});

describe("the alarms", () => {
  it("read at most ten metrics each, and cover every function", () => {
    for (const { Properties } of alarms) {
      const metrics = Properties["Metrics"] as { MetricStat?: object }[];
      expect(metrics.filter(({ MetricStat }) => MetricStat !== undefined).length).toBeLessThanOrEqual(10);
    }
    const text = JSON.stringify(alarms);
    for (const { name } of handlers) expect(text.split(`"${name}"`).length - 1).toBe(6);
  });

  it("miss no tick where none is due, and tell whom they are told to", () => {
    expect(resources("always")).toHaveProperty("TickMissingAlarm");
    expect(resources("armed")).not.toHaveProperty("TickMissingAlarm");
    const told = Object.values(resources("always", "arn:aws:sns:eu-central-1:1:ops"))
      .filter(({ Type }) => Type === "AWS::CloudWatch::Alarm")
      .map(({ Properties }) => Properties["AlarmActions"]);
    expect(new Set(told.flat())).toEqual(new Set(["arn:aws:sns:eu-central-1:1:ops"]));
    expect(alarms.some(({ Properties }) => "AlarmActions" in Properties)).toBe(false);
  });
});

describe("docs/observability.md", () => {
  const rows = [...docs.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*) \|/gm)];
  const table = (keep: (name: string) => boolean) =>
    Object.fromEntries(
      rows
        .filter(([, name = ""]) => keep(name))
        .map(([, name, type, labels = ""]) => [
          name,
          [type, ...[...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)],
        ]),
    );

  it("has every metric of Prometheus, with its type and labels, and no other", () => {
    expect(table((name) => name.startsWith("forgeq_"))).toEqual(
      Object.fromEntries(
        Object.entries({ ...PROMETHEUS_METRICS, ...WORKER_METRICS }).map(([name, { type, labels }]) => [
          name,
          [type, ...labels],
        ]),
      ),
    );
  });

  it("has every metric of CloudWatch, with its unit and dimensions, and no other", () => {
    expect(table((name) => /^[A-Z]/.test(name))).toEqual(
      Object.fromEntries(
        Object.entries(CLOUDWATCH_METRICS).map(([name, { unit, of }]) => [
          name,
          [unit, "service", ...(of === "queue" ? ["queue"] : [])],
        ]),
      ),
    );
  });
});
