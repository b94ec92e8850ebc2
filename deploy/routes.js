// The gateway's routes to the HTTP functions, from the route table.
import { parseBasePath } from "../lib/core/web-settings.ts";
import { gatewayRoutes } from "../lib/http/operations.ts";

const routes = async ({ resolveVariable }) => {
  const basePath = parseBasePath(await resolveVariable("param:basePath"));
  const eventsOf = (name) => gatewayRoutes(name, basePath).map((route) => ({ httpApi: route }));
  return { enqueue: eventsOf("enqueue"), api: eventsOf("api") };
};

// The framework loads this file by require, and takes what it gives for the function itself.
export { routes as "module.exports" };
