import { compact, duration } from "../state/format.ts";
import type { Queue } from "../state/wire.ts";
import { Link } from "./link.tsx";

/** Queues in short: what waits, and for how long. */
export const QueueTable = ({ queues }: { readonly queues: readonly Queue[] }) => (
  <table class="plain">
    <thead>
      <tr>
        <th scope="col">Queue</th>
        <th scope="col" class="num">
          Pending
        </th>
        <th scope="col" class="num">
          Behind
        </th>
        <th scope="col" class="num">
          Running
        </th>
      </tr>
    </thead>
    <tbody>
      {queues.map(({ name, paused, jobs, in_flight, oldest_pending_age_seconds }) => (
        <tr key={name}>
          <th scope="row" class="wrap">
            <Link page="queues" params={{ queue: name }}>
              {name}
            </Link>
            {paused && <span class="muted"> paused</span>}
          </th>
          <td class="num">{compact(jobs.pending)}</td>
          <td class="num">
            {oldest_pending_age_seconds === null ? "–" : duration(oldest_pending_age_seconds * 1_000)}
          </td>
          <td class="num">{compact(in_flight)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
