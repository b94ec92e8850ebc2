import { ForgeqError } from "../core/errors.ts";
import { NAME_PATTERN } from "../core/job.ts";
import { MAX_CONCURRENCY, type Places, placesOf } from "../core/places.ts";

interface WantedPlaces {
  readonly concurrency?: number | undefined;
  readonly queues?: readonly string[] | Readonly<Record<string, number | null>> | undefined;
}

const isPlaces = (most: unknown): boolean =>
  most === null || (typeof most === "number" && Number.isInteger(most) && most >= 1 && most <= MAX_CONCURRENCY);

/** @throws {ForgeqError} `invalid_queue` - what it says of `queues` or `concurrency` can't be */
export const checkedPlaces = ({ concurrency, queues }: WantedPlaces): Places => {
  const refuse = (pointer: string, message: string): never => {
    throw new ForgeqError("invalid_queue", `${pointer.slice(1).replaceAll("/", ".")} ${message}`, {
      errors: [{ pointer, message }],
    });
  };
  if (concurrency !== undefined && (concurrency === null || !isPlaces(concurrency)))
    refuse("/concurrency", `must be a whole number from 1 to ${MAX_CONCURRENCY}`);
  if (queues === undefined) return placesOf(null, concurrency);
  const given = new Map<string, number | null>(
    Array.isArray(queues) ? queues.map((name: string) => [name, null]) : Object.entries(queues),
  );
  for (const [name, most] of given) {
    if (typeof name !== "string" || !NAME_PATTERN.test(name))
      refuse("/queues", `has ${String(name)}, which can't be the name of a queue`);
    if (!isPlaces(most)) refuse(`/queues/${name}`, `must be a whole number from 1 to ${MAX_CONCURRENCY}, or null`);
  }
  const places = placesOf(given, concurrency);
  if (places.tooMany !== null) refuse(`/queues/${places.tooMany}`, "must not be above concurrency");
  return places;
};
