import { helpOpen } from "../state/keyboard.ts";
import { PAGES } from "../state/pages.ts";
import { Dialog } from "./dialog.tsx";

const KEYS = [
  ["/", "Filter the jobs"],
  ["j", "Next row"],
  ["k", "Row before"],
  ["Enter", "Open the row"],
  ["Esc", "Close"],
  ["x", "Select the row"],
  ["R", "Retry the open job, the row or what is selected"],
  ["C", "Cancel it"],
  ["r", "Ask the server now"],
  ["p", "Pause, or go on"],
  ["t", "Next theme"],
  ["?", "These keys"],
] as const;

/** Every key of the dashboard. */
export const KeyHelp = () => (
  <Dialog title="Keys" class="small" onClose={() => (helpOpen.value = false)}>
    <dl class="keys">
      {KEYS.map(([key, what]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
      {PAGES.map(({ key, label }) => (
        <div key={key}>
          <dt>
            <kbd>g</kbd> <kbd>{key}</kbd>
          </dt>
          <dd>{label}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
);
