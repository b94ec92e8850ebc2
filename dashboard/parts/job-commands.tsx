import type { Job } from "../state/wire.ts";
import { Copy } from "./copy.tsx";

/** A word in a shell, whatever it holds. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** How a job like this one is enqueued. */
export const Commands = ({ job }: { readonly job: Job }) => {
  const url = new URL("jobs", location.href.split(/[?#]/)[0]);
  const body = JSON.stringify({ type: job.type, queue: job.queue, payload: job.payload });
  const curl = `curl -i ${quoted(url.href)} -H "authorization: Bearer $FORGEQ_API_KEY" -H 'content-type: application/json' -d ${quoted(body)}`;
  const cli = `npx forgeq enqueue --type ${job.type} --queue ${job.queue} --payload ${quoted(JSON.stringify(job.payload))}`;
  return (
    <div class="actions">
      <Copy text={curl} label="Copy as curl">
        Copy as curl
      </Copy>
      <Copy text={cli} label="Copy as a forgeq command">
        Copy as a forgeq command
      </Copy>
    </div>
  );
};
