/** The proxy through which functions reach AWS at its real host names, by Node's own settings for one. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { createNetwork, listen, type Network } from "./network.ts";
import { type Account, serve } from "./services.ts";
import { REGION } from "./template.ts";

const HOSTS = ["lambda", "s3", "scheduler", "secretsmanager", "ssm"].map((name) => `${name}.${REGION}.amazonaws.com`);

const openssl = (folder: string, args: readonly string[]) =>
  execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });

/** An authority, and a certificate of it for the services' hosts. */
const makeCertificates = (folder: string): void => {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  openssl(folder, ["req", "-x509", ...key, "-subj", "/CN=World", "-keyout", "aws-ca.key", "-out", "aws-ca.pem"]);
  const names = `subjectAltName=${HOSTS.map((host) => `DNS:${host}`).join(",")}`;
  const signed = ["-CA", "aws-ca.pem", "-CAkey", "aws-ca.key", "-keyout", "aws.key", "-out", "aws.pem"];
  openssl(folder, ["req", "-x509", ...key, "-subj", "/CN=aws", "-addext", names, ...signed]);
};

export interface Proxy {
  readonly network: Network;
  /** With which a function goes through it. */
  readonly variables: Readonly<Record<string, string>>;
  close(): void;
}

/** @param folder - for its certificates */
export const startProxy = async (account: Account, folder: string): Promise<Proxy> => {
  makeCertificates(folder);
  const [key, cert] = ["aws.key", "aws.pem"].map((name) => readFileSync(join(folder, name)));
  const services = createTlsServer({ key: key!, cert: cert! }, (request, response) => {
    serve(account, request, response).catch((error: unknown) => {
      account.refused.push(String(error));
      response.destroy();
    });
  });
  // A connection is kept for as long as its client likes.
  services.keepAliveTimeout = 0;
  const port = await listen(services);
  const network = createNetwork();
  const proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on("connect", (request, socket) => {
    socket.on("error", () => undefined);
    if (!HOSTS.includes(request.url?.replace(/:443$/, "") ?? "")) {
      account.refused.push(`CONNECT ${request.url}`);
      return socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    }
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    network.carry(socket, port);
  });
  const proxyPort = await listen(proxy);
  return {
    network,
    variables: {
      NODE_USE_ENV_PROXY: "1",
      HTTPS_PROXY: `http://127.0.0.1:${proxyPort}`,
      NO_PROXY: "127.0.0.1,localhost",
      NODE_EXTRA_CA_CERTS: join(folder, "aws-ca.pem"),
    },
    close: () => {
      for (const server of [proxy, services]) {
        server.close();
        server.closeAllConnections();
      }
      network.close();
    },
  };
};
