/** What a caller asks for, and may see: null types or queues are all. */
export interface Part {
  readonly types: readonly string[] | null;
  readonly queues: readonly string[] | null;
}
