/** Prometheus' text format, version 0.0.4. https://prometheus.io/docs/instrumenting/exposition_formats/ */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One histogram: jobs per bucket, not cumulative, one more than there are bounds; and the sum of what was observed. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly buckets: readonly number[];
  readonly sum: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
}

const escaped = (value: string): string => value.replace(/["\\\n]/g, (each) => (each === "\n" ? "\\n" : `\\${each}`));

const line = (name: string, labels: Labels, value: number): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
};

const head = ({ name, help }: Family, type: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

export const renderSamples = (family: Family, type: "counter" | "gauge", samples: readonly Sample[]): string =>
  head(family, type) + samples.map(({ labels, value }) => line(family.name, labels, value)).join("");

export const renderHistogram = (
  family: Family,
  bounds: readonly number[],
  samples: readonly HistogramSample[],
): string =>
  head(family, "histogram") +
  samples
    .map(({ labels, buckets, sum }) => {
      let count = 0;
      const lines = [...bounds.map(String), "+Inf"].map((le, index) => {
        count += buckets[index] ?? 0;
        return line(`${family.name}_bucket`, { ...labels, le }, count);
      });
      return [...lines, line(`${family.name}_sum`, labels, sum), line(`${family.name}_count`, labels, count)].join("");
    })
    .join("");
