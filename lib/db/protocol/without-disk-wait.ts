/**
 * A source for the from clause of a statement that is its own transaction: the commit of that statement does not wait for the disk. For statements that
 * promise nothing to their caller, because what a crash of the server forgets of them is done again. See docs/adr/0012. The functions of the protocol never do
 * this themselves: inside a caller's transaction the durability is the caller's.
 */
export const WITHOUT_DISK_WAIT = "(select set_config('synchronous_commit', 'off', true)) as durability";
