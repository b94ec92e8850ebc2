import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { crawlAllow } from "../../functions/handlers/crawl_page/settings.ts";
import { reportsPlace } from "../../functions/handlers/generate_report/settings.ts";
import { mailSettings } from "../../functions/handlers/send_email/settings.ts";
import { mailVariables, wantsMailbox } from "../../lib/local/mailbox.ts";

const VARIABLES = [
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "FORGEQ_CRAWL_ALLOW",
  "FORGEQ_DIR",
  "FORGEQ_REPORTS",
  "FORGEQ_SMTP_URL_PARAMETER",
  "MAIL_FROM",
  "SMTP_URL",
];

beforeEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, "");
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the settings of send_email", () => {
  it("are SMTP_URL and MAIL_FROM", async () => {
    vi.stubEnv("SMTP_URL", "smtp://user:secret@mail.example.com:587");
    vi.stubEnv("MAIL_FROM", "Jobs <jobs@example.com>");
    const mailFrom = "Jobs <jobs@example.com>";
    expect(await mailSettings()).toEqual({ smtpUrl: "smtp://user:secret@mail.example.com:587", mailFrom });
  });

  it.each([
    { SMTP_URL: "smtp://127.0.0.1:25" },
    { MAIL_FROM: "jobs@example.com" },
    { SMTP_URL: "", MAIL_FROM: "jobs@example.com" },
  ])("are refused when one is missing: %j", async (given) => {
    for (const [name, value] of Object.entries(given)) vi.stubEnv(name, value);
    await expect(mailSettings()).rejects.toThrow("SMTP_URL and MAIL_FROM must be set to send mail");
  });
});

describe("the settings of crawl_page", () => {
  it("allow nothing unless given", () => {
    expect(crawlAllow()).toEqual([]);
  });

  it("are a list separated by commas, with or without spaces", () => {
    vi.stubEnv("FORGEQ_CRAWL_ALLOW", " 127.0.0.1:8080, intranet,,[::1]:80 ");
    expect(crawlAllow()).toEqual(["127.0.0.1:8080", "intranet", "[::1]:80"]);
  });
});

describe("the settings of generate_report", () => {
  it("are a folder or an address in S3, as given", () => {
    vi.stubEnv("FORGEQ_DIR", "/somewhere");
    vi.stubEnv("FORGEQ_REPORTS", "s3://bucket/prefix");
    expect(reportsPlace()).toBe("s3://bucket/prefix");
  });

  it("are a folder beside the other local files unless given", () => {
    expect(reportsPlace()).toBe(".forgeq/reports");
    vi.stubEnv("FORGEQ_DIR", "/somewhere");
    expect(reportsPlace()).toBe("/somewhere/reports");
  });
});

describe("the development mailbox", () => {
  const reader = (variables: Record<string, string>) => (name: string) => variables[name];
  const mailbox = { url: "smtp://127.0.0.1:2525", close: () => Promise.resolve() };

  it("is for mails that nobody has given a server", () => {
    expect(wantsMailbox(reader({}))).toBe(true);
    expect(wantsMailbox(reader({ SMTP_URL: "" }))).toBe(true);
    expect(wantsMailbox(reader({ SMTP_URL: "smtp://mail.example.com" }))).toBe(false);
  });

  it("names itself as the server, and a sender where nobody names one", () => {
    expect(mailVariables(mailbox, reader({}))).toEqual({ SMTP_URL: mailbox.url, MAIL_FROM: "forgeq@localhost" });
    expect(mailVariables(mailbox, reader({ MAIL_FROM: "a@example.com" }))).toEqual({ SMTP_URL: mailbox.url });
  });

  it("leaves another server alone", () => {
    expect(mailVariables(null, reader({ MAIL_FROM: "a@example.com" }))).toEqual({});
  });
});

it("a report without a place on Lambda names the parameter that gives it one", () => {
  vi.stubEnv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
  expect(reportsPlace).toThrow("reports have no place: deploy with --param reports=s3://BUCKET/PREFIX");
  vi.stubEnv("FORGEQ_REPORTS", "s3://reports-bucket");
  expect(reportsPlace()).toBe("s3://reports-bucket");
});
