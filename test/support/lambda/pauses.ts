const NO_STATEMENT = /^(--|elsif\b|else\b|end\b|when\b|exception\b|get diagnostics\b)/;

/**
 * A protocol function with a place to stop before each of its statements: `pause_here := public.pause('NAME:N')`. An
 * assignment, because a `perform` would set FOUND. Null for a function without variables: it only calls others.
 */
export const withPauses = (
  name: string,
  source: string,
): { readonly sql: string; readonly points: string[] } | null => {
  const points: string[] = [];
  const lines = source.split("\n");
  const body = lines.indexOf("begin");
  const end = lines.indexOf("$$;");
  if (body < 0 || !lines.includes("declare")) return null;
  let before = "begin";
  const paused = lines.map((line, index) => {
    if (line === "declare") return "declare\n  pause_here text;";
    const code = line.trim();
    if (index <= body || index >= end || code === "" || code.startsWith("--")) return line;
    const starts = /(;|\bthen|\belse|\bloop|\bbegin)$/.test(before);
    before = code.replace(/\s+--.*$/, "");
    if (!starts || NO_STATEMENT.test(code)) return line;
    points.push(`${name}:${points.length + 1}`);
    return `pause_here := public.pause('${points.at(-1)}');\n${line}`;
  });
  return { sql: paused.join("\n"), points };
};
