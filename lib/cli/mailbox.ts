import { join, relative, resolve } from "node:path";
import { dependsOn, missingPackage } from "../project/package-manager.ts";
import { configure, isConfigured, isProduction, setting } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { project } from "./project.ts";
import { say } from "./terminal.ts";

export interface OpenMailbox {
  close(): Promise<void>;
}

/** The development mailbox of this process, where nothing says where mails go; none in production or without its library. */
export const openMailbox = async (options: GlobalOptions): Promise<OpenMailbox> => {
  const none = { close: () => Promise.resolve() };
  if (isConfigured("SMTP_URL") || isConfigured("FORGEQ_SMTP_URL_PARAMETER") || isProduction()) return none;
  const folder = join(resolve(options.dir), "mail");
  try {
    const { mailVariables, startMailbox } = await import("../local/mailbox.ts");
    const { privateFolder } = await import("../local/private-files.ts");
    privateFolder(resolve(options.dir));
    const mailbox = await startMailbox(folder);
    configure(mailVariables(mailbox, setting));
    say(`SMTP_URL is not set: mails go to ${relative(process.cwd(), folder) || folder}/`);
    return mailbox;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    const { root } = project();
    if (dependsOn(root, "nodemailer"))
      say(`SMTP_URL is not set, and there is no mailbox to catch mails: ${missingPackage("smtp-server", root)}`);
    return none;
  }
};
