import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";

interface DialogProps {
  readonly title: ComponentChildren;
  /** Beside the title, before the button that closes. */
  readonly beside?: ComponentChildren;
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A modal dialog. Esc and a click beside it close it, and the focus goes back to where it was. */
export const Dialog = ({ title, beside, class: extra = "", onClose, children }: DialogProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={extra}
      aria-labelledby="dialog-title"
      onClose={onClose}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <article>
        <header class="dialog-head">
          <h2 id="dialog-title">{title}</h2>
          {beside}
          <button class="ghost" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </article>
    </dialog>
  );
};
