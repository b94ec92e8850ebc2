import { useSignal } from "@preact/signals";
import { say } from "../state/toast.ts";
import { Icon } from "./icons.tsx";

const SHOWN_MS = 1_500;

/** Copies a text. @param children - shown beside the icon; without them `label` is read out only */
export const Copy = ({
  text,
  label,
  children,
}: {
  readonly text: string;
  readonly label: string;
  readonly children?: string;
}) => {
  const done = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      say("The browser does not let this page copy.");
      return;
    }
    done.value = true;
    setTimeout(() => (done.value = false), SHOWN_MS);
  };
  return (
    <button class={children === undefined ? "ghost" : "link"} aria-label={label} onClick={() => void copy()}>
      <Icon name={done.value ? "completed" : "copy"} />
      {children}
      <span class="sr" role="status">
        {done.value ? "Copied" : ""}
      </span>
    </button>
  );
};
