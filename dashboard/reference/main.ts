/** The page of the API: gets the OpenAPI document as whoever is signed in, or with a key that is typed in, and shows it. */

/** What Redoc's bundle, which comes before this script in its file, leaves behind. */
declare const Redoc: {
  init(document: object, options: object, element: Element, shown: (error?: unknown) => void): void;
};

interface Problem {
  readonly title?: string;
  readonly detail?: string;
}

const element = <Kind extends Element>(selector: string): Kind => {
  const found = document.querySelector<Kind>(selector);
  if (found === null) throw new Error(`there is no ${selector}`);
  return found;
};

const OPTIONS = {
  // A search would need a script of its own in a worker.
  disableSearch: true,
  hideLoading: true,
  hideDownloadButton: true,
  nativeScrollbars: true,
  pathInMiddlePanel: true,
  sortRequiredPropsFirst: true,
};

const ask = (why: string): void => {
  element<HTMLElement>("#ask").hidden = false;
  element("#why").textContent = why;
  element<HTMLInputElement>("#key").focus();
};

const show = (openapi: object): void => {
  element<HTMLElement>("#ask").hidden = true;
  Redoc.init(openapi, OPTIONS, element("#reference"), (error) => {
    if (error instanceof Error) ask(`The document could not be shown: ${error.message}`);
  });
};

/** By the dashboard's session, unless a key is given. */
const load = async (key?: string): Promise<void> => {
  const who: Record<string, string> =
    key === undefined ? { "x-forgeq-dashboard": "1" } : { authorization: `Bearer ${key}` };
  try {
    const answer = await fetch("openapi.json", { headers: who, credentials: "same-origin" });
    const body = (await answer.json()) as object & Problem;
    if (answer.ok) return show(body);
    const nobody = key === undefined && answer.status === 401;
    ask(nobody ? "Nobody is signed in here." : (body.detail ?? body.title ?? `The server answered ${answer.status}.`));
  } catch {
    ask("The server can't be reached.");
  }
};

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void load(element<HTMLInputElement>("#key").value.trim());
});
void load();
