/** The bundles of the project that a local run is of. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const load = <Module>(root: string, file: string): Promise<Module> =>
  import(pathToFileURL(join(root, file)).href) as Promise<Module>;

/** Builds that go on while sources change. */
export interface WatchedBuild {
  /** Calls `listener` with each function whose bundle has changed, from now on; there is one listener. */
  onChange(listener: (name: string) => void): void;
  dispose(): Promise<unknown>;
}

interface BuildModule {
  readonly build: (options: {
    readonly watch: boolean;
    readonly onEnd: (name: string, result: { readonly errors: readonly unknown[] }) => void;
  }) => Promise<{ dispose(): Promise<unknown> }>;
}

/** Builds every function now, and again whenever a source of it changes. @throws when a function can't be built now */
export const watchFunctions = async (root: string): Promise<WatchedBuild> => {
  const { build } = await load<BuildModule>(root, "esbuild.config.mjs");
  const contents = new Map<string, string>();
  let listener = (_name: string): void => undefined;
  const built = await build({
    watch: true,
    onEnd: (name, { errors }) => {
      if (errors.length > 0) return;
      const text = readFileSync(join(root, ".build", name, "index.mjs"), "utf8");
      const before = contents.get(name);
      contents.set(name, text);
      if (before !== undefined && before !== text) listener(name);
    },
  });
  return { onChange: (given) => void (listener = given), dispose: () => built.dispose() };
};
