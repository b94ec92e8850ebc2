import { Link } from "./link.tsx";

interface SegmentsProps {
  readonly label: string;
  /** The parameter of the address. */
  readonly name: string;
  readonly options: readonly string[];
  readonly shown: string;
  /** What is shown without the parameter. */
  readonly fallback: string;
}

/** One of few, kept in the address. */
export const Segments = ({ label, name, options, shown, fallback }: SegmentsProps) => (
  <nav class="segments" aria-label={label}>
    {options.map((option) => (
      <Link
        key={option}
        page={null}
        params={{ [name]: option === fallback ? null : option }}
        aria-current={option === shown ? "true" : undefined}
      >
        {option}
      </Link>
    ))}
  </nav>
);
