import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { param, patch } from "../state/address.ts";
import { parseTerms, printTerm, printTerms, suggestionsOf, type Term, withTerms } from "../state/filter.ts";
import { Icon } from "./icons.tsx";

export const currentTerms = (): Term[] => parseTerms(param("q"));

const setTerms = (terms: readonly Term[]): void => patch({ q: printTerms(terms) });

const Chips = ({ terms, onRemove }: { readonly terms: readonly Term[]; readonly onRemove: () => void }) => (
  <>
    {terms.map((term) => (
      <span class="chip" key={term.field}>
        <b>{term.field}</b>
        {term.value}
        <button
          aria-label={`Remove ${printTerm(term)}`}
          onClick={() => {
            setTerms(terms.filter((each) => each !== term));
            onRemove();
          }}
        >
          <Icon name="close" />
        </button>
      </span>
    ))}
  </>
);

/** What the text field and its list of suggestions hold. */
const useFilter = (values: Readonly<Record<string, readonly string[]>>) => {
  const text = useSignal("");
  const isOpen = useSignal(false);
  const active = useSignal(-1);
  const input = useRef<HTMLInputElement>(null);
  const terms = currentTerms();
  const options = suggestionsOf(text.value, values);
  const add = (typed: string): void => {
    const added = parseTerms(typed.trim());
    if (added.length > 0) setTerms(withTerms(terms, added));
    text.value = "";
    active.value = -1;
  };
  const take = (option: string): void => {
    if (/[:.]$/.test(option)) text.value = option;
    else add(option);
    active.value = -1;
    input.current?.focus();
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => (active.value = Math.min(options.length - 1, active.value + 1)),
    ArrowUp: () => (active.value = Math.max(-1, active.value - 1)),
    Enter: () => {
      const chosen = options[active.value];
      if (chosen !== undefined) take(chosen.text);
      else add(text.value);
    },
    Escape: () => {
      if (isOpen.value && options.length > 0) isOpen.value = false;
      else if (text.value !== "") text.value = "";
      else input.current?.blur();
    },
  };
  return { text, isOpen, active, input, terms, options, take, keys };
};

/** The filter as chips, and a combobox that knows the fields and their values. */
export const FilterBar = ({ values }: { readonly values: Readonly<Record<string, readonly string[]>> }) => {
  const { text, isOpen, active, input, terms, options, take, keys } = useFilter(values);
  const shown = isOpen.value && options.length > 0;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Backspace" && text.value === "" && terms.length > 0) setTerms(terms.slice(0, -1));
    const run = keys[event.key];
    if (run === undefined) return;
    event.preventDefault();
    run();
  };
  return (
    <div
      class="filter"
      onFocusOut={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) isOpen.value = false;
      }}
    >
      <Icon name="search" />
      <Chips terms={terms} onRemove={() => input.current?.focus()} />
      <input
        id="filter"
        ref={input}
        role="combobox"
        aria-label="Filter jobs"
        aria-expanded={shown}
        aria-controls="filter-options"
        aria-autocomplete="list"
        aria-activedescendant={shown && active.value >= 0 ? `filter-option-${active.value}` : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={terms.length > 0 ? "" : "Find by id, type, queue, key, error or payload.path:value"}
        value={text.value}
        onFocus={() => (isOpen.value = true)}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          isOpen.value = true;
          active.value = -1;
        }}
        onKeyDown={onKeyDown}
      />
      <kbd>/</kbd>
      <ul id="filter-options" role="listbox" aria-label="Suggestions" hidden={!shown}>
        {options.map((option, index) => (
          <li
            key={option.text}
            id={`filter-option-${index}`}
            role="option"
            aria-selected={index === active.value}
            onPointerDown={(event) => {
              event.preventDefault();
              take(option.text);
            }}
          >
            <code>{option.text}</code>
            <span>{option.hint}</span>
          </li>
        ))}
      </ul>
    </div>
  );
};
