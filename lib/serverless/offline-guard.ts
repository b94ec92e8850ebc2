/**
 * Under serverless-offline every local user and every web page of a browser reaches the ports of this machine. This refuses pages of
 * other origins, whom serverless-offline would answer, and lets ForgeQ's functions be invoked only by who knows a secret. Whatever else
 * the service has is left as it is.
 */
import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import { createBodyLimits, limitConnections } from "./body-limits.ts";
import { behindSecret, isFromPage, isOwnPage, newSecret, refuse } from "../local/callers.ts";

/** The ways in which Node tells of a request: the others are of clients that send `Expect`. */
const REQUESTS = new Set(["request", "checkContinue", "checkExpectation"]);

export interface Guarded {
  readonly lambdaPort: number;
  /** Is a path of the HTTP port ForgeQ's? */
  readonly isRoute: (path: string) => boolean;
  /** Is a function ForgeQ's? */
  readonly isFunction: (name: string) => boolean;
}

/** Is this the address of serverless-offline's own Lambda port, and not that of another invoker? */
const isLambdaPort = (endpoint: string, lambdaPort: number): boolean => {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  return url !== null && ["127.0.0.1", "localhost"].includes(url.hostname) && Number(url.port) === lambdaPort;
};

/** May a request of the Lambda port go on? Behind the secret its path becomes the one that serverless-offline expects. */
const passesLambda = (request: IncomingMessage, secret: string, isFunction: Guarded["isFunction"]): boolean => {
  if (isFromPage(request)) return false;
  const path = behindSecret(secret, request.url);
  if (path !== null) {
    request.url = path;
    return true;
  }
  const [, name] = /^\/[^/]+\/functions\/([^/]+)\//.exec(request.url ?? "") ?? [];
  return name !== undefined && !isFunction(decodeURIComponent(name));
};

/** Looks at each request of this process before serverless-offline sees it. */
const guardServers = ({ lambdaPort, isRoute, isFunction }: Guarded, secret: string): void => {
  const fits = createBodyLimits();
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the server that it is called on
  const emit = Server.prototype.emit as (this: Server, event: string, ...args: unknown[]) => boolean;
  Server.prototype.emit = function (this: Server, event: string, ...args: unknown[]): boolean {
    if (event === "listening") limitConnections(this);
    if (!REQUESTS.has(event)) return emit.call(this, event, ...args);
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const passes =
      request.socket.localPort === lambdaPort
        ? passesLambda(request, secret, isFunction)
        : !isRoute(request.url ?? "") || !isFromPage(request) || isOwnPage(request);
    if (!passes) refuse(response);
    else if (fits(request, response)) return emit.call(this, event, ...args);
    return true;
  };
};

/**
 * Guards this process' servers, the ones that are not there yet included.
 *
 * @param endpoint - where functions are invoked
 * @returns the endpoint that the functions are to be told: with the secret, where it is serverless-offline's
 */
export const guardOffline = (endpoint: string, guarded: Guarded): string => {
  const secret = newSecret();
  guardServers(guarded, secret);
  return isLambdaPort(endpoint, guarded.lambdaPort) ? `http://127.0.0.1:${guarded.lambdaPort}/${secret}` : endpoint;
};
