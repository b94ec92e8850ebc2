/** The service's own API, which knows nothing of the queue. */
export const handler = async () => ({ statusCode: 200, body: "Hello from the shop" });
