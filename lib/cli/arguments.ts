import { InvalidArgumentError } from "commander";
import { MAX_CONCURRENCY } from "../core/places.ts";
import { reasonFault } from "../core/controls.ts";
import { NAME_PATTERN } from "../core/job.ts";

/** Parsers of option values: each throws what commander shows beside the option's name. */

export const integer =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };

/** A limit, or `none`: kept as that word, because commander takes null for a parser that failed. */
export const limit =
  (min: number, max: number) =>
  (text: string): number | "none" =>
    text === "none" ? text : integer(min, max)(text);

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of `1.5`, `90s`, `5m`, `1h30m`, `2d`. */
export const seconds = (text: string): number => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new InvalidArgumentError("Give a duration, as 30s, 5m, 1h30m or 2d.");
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0);
};

const INSTANT = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

/** Of 30 February JavaScript makes the second of March. */
const isDay = (day: string): boolean => {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
};

/** An instant in RFC 3339. */
export const instant = (text: string): Date => {
  const at = new Date(text);
  const [, day] = INSTANT.exec(text) ?? [];
  if (day !== undefined && isDay(day) && !Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError("Give an instant with its offset, as 2030-01-31T08:00:00Z.");
};

/** Of this machine, to listen on: nothing would mean all of them. */
export const address = (text: string): string => {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("Give an address, as 127.0.0.1, or 0.0.0.0 for all.");
};

/** A type or queue name. */
export const name = (text: string): string => {
  if (NAME_PATTERN.test(text)) return text;
  throw new InvalidArgumentError(`Give a name that matches ${NAME_PATTERN.source}.`);
};

/** The same, for an option that may be given several times. */
export const names = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), name(text)];

/** The queues that a worker takes from; of one with a number so many jobs run concurrently. */
export type QueueOptions = ReadonlyMap<string, number | null>;

/** A queue's name, or NAME:PLACES, for an option that may be given several times. */
export const queuePlaces = (text: string, before: QueueOptions | undefined): QueueOptions => {
  const [, queue = "", places] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const most = places === undefined ? null : /^\d{1,5}$/.test(places) ? Number(places) : NaN;
  if (!NAME_PATTERN.test(queue) || (most !== null && !(most >= 1 && most <= MAX_CONCURRENCY)))
    throw new InvalidArgumentError(
      `Give the name of a queue, or a name and its places from 1 to ${MAX_CONCURRENCY}, as emails:5.`,
    );
  if (before?.has(queue) === true && before.get(queue) !== most)
    throw new InvalidArgumentError(`The queue ${queue} was given before, with other places.`);
  return new Map([...(before ?? []), [queue, most]]);
};

/** Why something is done. */
export const reason = (text: string): string => {
  const fault = reasonFault(text);
  if (fault === null) return text;
  throw new InvalidArgumentError(`It ${fault}.`);
};

/** Texts as they are, for an option that may be given several times. */
export const texts = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), text];

/** Words with commas between, each read by a parser, for an option that may be given several times. */
export const wordsBy =
  (parse: (text: string) => string) =>
  (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), ...text.split(",").map(parse)];

/** Several type names, separated by commas, or `none`. */
export const nameList = (text: string): string[] | "none" => (text === "none" ? text : text.split(",").map(name));

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const jobId = (text: string): string => {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("Give a job's id, which is a UUID.");
};

/** At least its first eight characters, hyphens where they belong. */
const ID_BEGINNING =
  /^[0-9a-f]{8}(?:-(?:[0-9a-f]{0,4}|[0-9a-f]{4}-(?:[0-9a-f]{0,4}|[0-9a-f]{4}-(?:[0-9a-f]{0,4}|[0-9a-f]{4}-[0-9a-f]{0,12}))))?$/i;

/** A job's id, or the beginning of one. */
export const shortId = (text: string): string => {
  if (ID_BEGINNING.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("Give a job's id, which is a UUID, or at least its first eight characters.");
};
