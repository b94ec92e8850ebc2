/** Preloaded into child processes: they end when the process that started them is gone, however it went. */
process.on("disconnect", () => process.exit(0));
// Alone this listener must not keep a process alive.
process.channel?.unref();
