const NAMES = new Set(["localhost", "127.0.0.1", "::1", "[::1]"]);

/** Is this name or address this machine, for whoever asks it? Only what can have no other meaning is: no name but `localhost`. */
export const isLoopback = (host: string): boolean => NAMES.has(host.toLowerCase());
