import { ForgeqError } from "./errors.ts";
import { NAME_PATTERN } from "./job.ts";

/** Each check throws `invalid_job` and names what is defined and the field. */
export const checksOf = (subject: string) => {
  const fail = (message: string): never => {
    throw new ForgeqError("invalid_job", `${subject}: ${message}`);
  };
  const number = (field: string, value: number, min: number, max: number): number =>
    Number.isFinite(value) && value >= min && value <= max ? value : fail(`${field} must be ${min} to ${max}`);
  return {
    fail,
    number,
    integer: (field: string, value: number, min: number, max: number): number =>
      Number.isInteger(value) ? number(field, value, min, max) : fail(`${field} must be a whole number`),
    name: (field: string, value: string): string =>
      typeof value === "string" && NAME_PATTERN.test(value)
        ? value
        : fail(`${field} must match ${NAME_PATTERN.source}`),
    noOthers: (others: object): void => {
      const [unknown] = Object.keys(others);
      if (unknown !== undefined) fail(`${unknown} is not an option`);
    },
  };
};

export type Checks = ReturnType<typeof checksOf>;
