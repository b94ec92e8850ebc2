import type { Signal } from "@preact/signals";

interface NumberFieldProps {
  readonly label: string;
  /** What is typed. */
  readonly value: Signal<string>;
  readonly max?: number;
}

/** A number from 0 on that has to be given. */
export const NumberField = ({ label, value, max }: NumberFieldProps) => (
  <label class="field">
    <span>{label}</span>
    <input
      type="number"
      min="0"
      max={max}
      required
      value={value.value}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  </label>
);
