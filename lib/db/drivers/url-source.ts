/** A new secret is asked for no more often than this, however many statements are refused. */
const RENEW_EVERY_MS = 5_000;

/** A database's URL whose secret can change while the process lives. */
export interface UrlSource {
  /** As it is now. */
  readonly url: string;
  /** It ends before the next statement could be sent with it: renew it first. */
  readonly hasEnded: () => boolean;
  /**
   * Reads the secret anew, once for all who ask together.
   *
   * @returns true when the URL is another one than `refused`
   */
  renew(refused: string): Promise<boolean>;
}

/** A URL, and until when it is good, by the process' own clock. */
export interface GivenUrl {
  readonly url: string;
  readonly untilMs?: number;
}

/**
 * @param read - asks whoever keeps the secret, not a copy of what it said before
 * @param log - hears of a secret that was refused
 */
export const createUrlSource = (
  first: GivenUrl,
  read: () => Promise<GivenUrl>,
  log?: () => { warn(message: string): void },
): UrlSource => {
  let given = first;
  let renewing: Promise<void> | undefined;
  let renewedAtMs = -Infinity;

  const hasEnded = () => performance.now() >= (given.untilMs ?? Infinity);
  const renewOnce = async (): Promise<void> => {
    if (!hasEnded()) log?.().warn("the database refused the login: the secret is read anew");
    try {
      given = await read();
      renewedAtMs = performance.now();
    } finally {
      renewing = undefined;
    }
  };

  return {
    get url() {
      return given.url;
    },
    hasEnded,
    renew: async (refused) => {
      if (given.url === refused && (renewing !== undefined || performance.now() - renewedAtMs >= RENEW_EVERY_MS))
        await (renewing ??= renewOnce());
      return given.url !== refused;
    },
  };
};
