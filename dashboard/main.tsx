/** The dashboard's entry: who is signed in, and then the page of the address. */
import { render } from "preact";
import { SignIn } from "./parts/sign-in.tsx";
import { openSession } from "./state/session.ts";

const start = async (): Promise<void> => {
  await openSession();
  render(<SignIn />, document.getElementById("app")!);
};

void start();
