/**
 * Of node:http: a connection without a request ends, a request comes in a minute at most, its headers in ten seconds. What comes before somebody reads it waits
 * in the system, but for a little.
 */
export const SERVER_SETTINGS = {
  keepAliveTimeout: 5_000,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 2_000,
  highWaterMark: 16 * 1024,
};
