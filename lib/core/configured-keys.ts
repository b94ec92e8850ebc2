/** What API keys are configured by, as it is at this moment. */
export interface ConfiguredKeys {
  /** The JSON of FORGEQ_API_KEYS, or of the parameter that FORGEQ_API_KEYS_PARAMETER names. */
  readonly list?: string | undefined;
  /** FORGEQ_API_KEY: one plain key with all scopes, whose id is `local`. */
  readonly plain?: string | undefined;
}
