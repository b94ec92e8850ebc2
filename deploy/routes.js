// The gateway's routes to the HTTP functions, from the route table.
import { gatewayRoutes } from "../lib/http/operations.ts";

const eventsOf = (name) => gatewayRoutes(name).map((route) => ({ httpApi: route }));

export const routes = () => ({ enqueue: eventsOf("enqueue"), api: eventsOf("api") });

// The framework loads this file by require, and takes what it gives for the function itself.
export { routes as "module.exports" };
