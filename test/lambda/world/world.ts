/** A small AWS around the packaged functions of a template. See test/lambda/README.md. */
import { randomUUID } from "node:crypto";
import { createAsynchronous } from "./asynchronous.ts";
import { type Answer, createEnvironment, type Environment } from "./environment.ts";
import { gatewayEvent, type HttpCall, tickEvent } from "./events.ts";
import { startProxy } from "./proxy.ts";
import type { Account } from "./services.ts";
import type { LambdaFunction, Template } from "./template.ts";

export interface WorldOptions {
  readonly template: Template;
  /** Has a folder for each function's key, with its `.build`. */
  readonly code: string;
  /** For certificates. */
  readonly folder: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly kmsKey?: string;
  /** Beside those of the template. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The account's. */
  readonly concurrency?: number;
  /** How often an asynchronous event is delivered beside the first time. */
  readonly duplicates?: () => number;
  /** Lambda's own pauses and the minute of EventBridge's rules are multiplied by it. */
  readonly pace?: number;
}

export interface Invocation {
  readonly key: string;
  readonly cold: boolean;
  readonly error: string | undefined;
  /** From the event to the answer. */
  readonly ms: number;
}

export interface HttpAnswer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any route
  readonly body: any;
}

/** An answer as API Gateway passes it on; a function's error is a bare 500. */
const toHttp = (answer: Answer | "throttled"): HttpAnswer => {
  if (answer === "throttled") return { status: 503, body: undefined };
  if ("error" in answer) return { status: 500, body: answer.error };
  const { statusCode, body } = answer.result as { readonly statusCode: number; readonly body: string };
  try {
    return { status: statusCode, body: JSON.parse(body) };
  } catch {
    return { status: statusCode, body };
  }
};

/** The gateway's choice: a whole path before one with parameters, and that before `{proxy+}`; a method before `ANY`. */
const routeOf = ({ routes }: Template, { method, path }: HttpCall): string | undefined => {
  const fitting = [...routes.keys()].filter((key) => {
    const [verb, pattern = ""] = key.split(" ");
    const expression = pattern.replace(/\{[^}]+\+\}/g, ".+").replace(/\{[^}]+\}/g, "[^/]+");
    return (verb === method || verb === "ANY") && new RegExp(`^${expression}$`).test(path);
  });
  const rank = (key: string) => (key.includes("+}") ? 4 : key.includes("{") ? 2 : 0) + (key.startsWith("ANY") ? 1 : 0);
  return fitting.sort((a, b) => rank(a) - rank(b))[0];
};

/** Environments that begin at a time: on Lambda each has a core for that, here they share the machine's. */
const BEGINNING = 2;

/** So many pass at a time, first come, first served. */
const createGate = (places: number) => {
  const waiting: (() => void)[] = [];
  let free = places;
  return {
    enter: async (): Promise<void> => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave: () => {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
};

/** The environments of each function. A free one is used again; another code's ends as soon as it is free. */
const createFleet = (options: WorldOptions, variables: () => Readonly<Record<string, string>>) => {
  const environments = new Map<string, Environment[]>();
  const lines: string[] = [];
  const invocations: Invocation[] = [];
  let [running, code] = [0, options.code];
  let onInit = (_key: string, _pid: number): void => undefined;
  const gate = createGate(BEGINNING);

  const live = (key: string): Environment[] => {
    const all = (environments.get(key) ?? []).filter((each) => each.isAlive());
    for (const old of all) if (old.root !== `${code}/${key}` && old.isFree()) old.kill();
    environments.set(key, all);
    return all;
  };
  const make = async (fn: LambdaFunction): Promise<Environment> => {
    const made = createEnvironment({
      fn,
      root: `${code}/${fn.key}`,
      variables: variables(),
      onLog: (line) => lines.push(`${fn.key}: ${line}`),
      onInit: (pid) => onInit(fn.key, pid),
    });
    live(fn.key).push(made);
    await gate.enter();
    await made.init().finally(gate.leave);
    return made;
  };
  const busy = (key: string) => live(key).filter((each) => !each.isFree()).length;

  return {
    lines,
    invocations,
    live,
    all: () => [...options.template.functions.keys()].flatMap(live),
    deploy: (to: string) => void (code = to),
    onInit: (call: typeof onInit) => void (onInit = call),
    invoke: async (
      fn: LambdaFunction,
      event: unknown,
      requestId: string = randomUUID(),
    ): Promise<Answer | "throttled"> => {
      if (running >= (options.concurrency ?? 1_000) || busy(fn.key) >= (fn.reserved ?? Infinity)) return "throttled";
      // The newest: Lambda lets those go that it does not need.
      const free = live(fn.key).findLast((each) => each.isFree() && each.root === `${code}/${fn.key}`);
      running += 1;
      try {
        const environment = free ?? (await make(fn));
        const beganAtMs = performance.now();
        const answer = await environment.run(requestId, event);
        const error = "error" in answer ? answer.error.errorType : undefined;
        invocations.push({ key: fn.key, cold: free === undefined, error, ms: performance.now() - beganAtMs });
        return answer;
      } finally {
        running -= 1;
      }
    },
  };
};

/** EventBridge Scheduler's one-shots: each name exists once, until it has fired. */
const createOneShots = (fire: (fn: LambdaFunction, event: unknown) => void) => {
  const armed = new Map<string, { readonly fn: LambdaFunction; readonly timer: NodeJS.Timeout }>();
  return {
    arm: (name: string, atMs: number, fn: LambdaFunction, event: unknown): boolean => {
      if (armed.has(name)) return false;
      const timer = setTimeout(() => {
        armed.delete(name);
        fire(fn, event);
      }, atMs - Date.now());
      armed.set(name, { fn, timer });
      return true;
    },
    names: () => [...armed.keys()],
    /** Those that are armed come now, and don't wait for their minute. */
    fireAll: () => {
      for (const [name, { fn, timer }] of armed) {
        clearTimeout(timer);
        armed.delete(name);
        fire(fn, {});
      }
    },
    stop: () => armed.forEach(({ timer }) => clearTimeout(timer)),
  };
};

export const startWorld = async (options: WorldOptions) => {
  const { template, pace = 1 } = options;
  const oneShots = createOneShots((fn, event) => queue.send(fn, event));
  const account: Account = {
    template,
    parameters: new Map(Object.entries(options.parameters)),
    secrets: new Map(Object.entries(options.secrets ?? {})),
    kmsKey: options.kmsKey,
    ssmThrottles: () => false,
    grants: new Map(),
    refused: [],
    counts: new Map(),
    send: (fn, event) => queue.send(fn, event),
    arm: oneShots.arm,
  };
  const proxy = await startProxy(account, options.folder);
  const fleet = createFleet(options, () => ({ ...proxy.variables, ...options.variables }));
  const queue = createAsynchronous({
    account,
    invoke: fleet.invoke,
    duplicates: options.duplicates ?? (() => 0),
    pace,
  });
  const tick = (isWanted: (fn: LambdaFunction) => boolean = () => true) => {
    for (const fn of template.ticking.filter(isWanted)) queue.send(fn, tickEvent());
  };
  // At a twentieth of the minute, a start on a busy machine takes longer than the pause: a second one would only keep others from starting.
  const rules = setInterval(() => tick((fn) => !fleet.live(fn.key).some((each) => each.isBeginning())), 60_000 * pace);

  return {
    account,
    network: proxy.network,
    oneShots: oneShots.names,
    fire: oneShots.fireAll,
    /** Lines that functions logged. */
    lines: fleet.lines,
    invocations: fleet.invocations,
    environments: (key: string) => fleet.live(key),
    onInit: fleet.onInit,
    deploy: fleet.deploy,
    dropped: queue.dropped,
    pending: queue.pending,
    /** What EventBridge's rules do each minute. */
    tick,
    invoke: (key: string, event: unknown) => fleet.invoke(template.functions.get(key)!, event),
    /** A request through the gateway. */
    http: async (call: HttpCall): Promise<HttpAnswer> => {
      const route = routeOf(template, call);
      if (route === undefined) return { status: 404, body: undefined };
      return toHttp(await fleet.invoke(template.routes.get(route)!, gatewayEvent(call, route)));
    },
    stop: async () => {
      clearInterval(rules);
      queue.stop();
      oneShots.stop();
      for (const each of fleet.all()) each.kill();
      // Their last lines are read before the test's own things are taken away.
      while (fleet.all().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      proxy.close();
    },
  };
};

export type World = Awaited<ReturnType<typeof startWorld>>;
