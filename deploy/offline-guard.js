// Under serverless-offline every local user and every web page of a browser reaches the ports of this machine. This plugin refuses pages
// of other origins, whom serverless-offline would answer, and lets functions be invoked only by who knows a secret.
import { Server } from "node:http";
import { behindSecret, isFromPage, isOwnPage, newSecret, refuse } from "../lib/local/callers.ts";

const LAMBDA_PORT = 3002;
/** The ways in which Node tells of a request: the others are of clients that send `Expect`. */
const REQUESTS = new Set(["request", "checkContinue", "checkExpectation"]);

/** Is this the address of serverless-offline's own Lambda port, and not that of another invoker? */
const isLambdaPort = (endpoint, lambdaPort) => {
  const url = URL.parse(endpoint);
  return url !== null && ["127.0.0.1", "localhost"].includes(url.hostname) && Number(url.port) === lambdaPort;
};

/** Looks at each request of this process before serverless-offline sees it. Behind the secret it finds the path that it expects. */
const guardServers = (lambdaPort, secret) => {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (event, ...args) {
    if (!REQUESTS.has(event)) return emit.call(this, event, ...args);
    const [request, response] = args;
    if (request.socket.localPort !== lambdaPort) {
      if (isFromPage(request) && !isOwnPage(request)) return refuse(response);
      return emit.call(this, event, ...args);
    }
    const path = behindSecret(secret, request.url);
    if (path === null || isFromPage(request)) return refuse(response);
    request.url = path;
    return emit.call(this, event, ...args);
  };
};

class OfflineGuard {
  constructor(serverless, options) {
    if (!process.argv.includes("offline")) return;
    const { provider, custom } = serverless.service;
    const lambdaPort = Number(options.lambdaPort ?? custom["serverless-offline"].lambdaPort ?? LAMBDA_PORT);
    const secret = newSecret();
    if (isLambdaPort(provider.environment.FORGEQ_LAMBDA_ENDPOINT, lambdaPort))
      provider.environment.FORGEQ_LAMBDA_ENDPOINT = `http://127.0.0.1:${lambdaPort}/${secret}`;
    guardServers(lambdaPort, secret);
  }
}

// The framework loads this file by require, and takes what it gives for the class itself.
export { OfflineGuard as "module.exports" };
