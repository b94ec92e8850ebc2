/** What API keys are configured by, as it is at this moment. */
export interface ConfiguredKeys {
  /** The JSON of FORGEQ_API_KEYS, or of the parameter that FORGEQ_API_KEYS_PARAMETER names. */
  readonly list?: string | undefined;
  /** FORGEQ_API_KEY: one plain key with all scopes, whose id is `local`. */
  readonly plain?: string | undefined;
  /** FORGEQ_SECRET, or the parameter that FORGEQ_SECRET_PARAMETER names: what keys of the database are made with. */
  readonly secret?: string | undefined;
  /** FORGEQ_RATE_LIMIT: what each key may send. */
  readonly rate?: string | undefined;
}
