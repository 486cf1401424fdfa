/**
 * Tokens for programs: created, listed and revoked by their user or an administrator, shown once.
 * In: the secret `ox_…` of a bearer header (RFC 6750). Out: the token with its scopes. Only the digest of the
 * secret is stored.
 */
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { createSecret, digestOf } from './random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

/**
 * `admin`: everything. `view`: playback, and reading of all streams and metrics. `worker`: running jobs.
 * `upload`: uploads and their assets. `account`: the rights of its user, without administration.
 */
export type TokenScope = 'admin' | 'view' | 'worker' | 'upload' | 'account';

/** A token, without its secret. */
export interface ApiToken extends SecretRow {
  /** Undefined: it belongs to the administrator of the command line. */
  readonly userId: string | undefined;
  readonly label: string;
  readonly scopes: readonly TokenScope[];
  readonly createdMs: number;
  /** Undefined: it does not expire. */
  readonly expiresMs: number | undefined;
}

const MAX_TOKENS = 10_000;
const MAX_OF_OWNER = 1000;

export class ApiTokens {
  readonly #table: SecretTable<ApiToken>;
  readonly #clock: Clock;

  private constructor(table: SecretTable<ApiToken>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Reads the stored tokens. */
  static async open(rows: Rows<ApiToken>, clock: Clock): Promise<ApiTokens> {
    return new ApiTokens(await SecretTable.open(rows), clock);
  }

  /** Oldest first, including expired ones. */
  get all(): readonly ApiToken[] {
    return [...this.#table.all].sort((a, b) => a.createdMs - b.createdMs);
  }

  /** The tokens of a user, oldest first. */
  of(userId: string | undefined): readonly ApiToken[] {
    return this.all.filter((token) => token.userId === userId);
  }

  /** A token by its id. */
  get(id: string): ApiToken | undefined {
    return this.#table.get(id);
  }

  /**
   * Creates a token. The secret is returned only here.
   *
   * @throws OxbowError `limit-reached`
   */
  async make(settings: {
    readonly userId?: string | undefined;
    readonly label: string;
    readonly scopes: readonly TokenScope[];
    readonly expiresMs: number | undefined;
  }): Promise<{ readonly token: ApiToken; readonly secret: string }> {
    const { userId } = settings;
    if (this.#table.size >= MAX_TOKENS || this.of(userId).length >= MAX_OF_OWNER) {
      throw new OxbowError('limit-reached', `There are ${MAX_OF_OWNER} tokens already.`);
    }
    const secret = `ox_${createSecret()}`;
    const token: ApiToken = {
      id: createSecret(9),
      digest: digestOf(secret),
      createdMs: this.#clock.nowMs(),
      ...settings,
      userId,
    };
    await this.#table.put(token);
    return { token, secret };
  }

  /** The token of a secret; undefined if unknown or expired. */
  find(secret: string): ApiToken | undefined {
    if (!secret.startsWith('ox_')) return undefined;
    const token = this.#table.find(secret);
    return token && this.#clock.nowMs() < (token.expiresMs ?? Number.POSITIVE_INFINITY) ? token : undefined;
  }

  /** As `SecretTable.lookUp`. */
  lookUp(secret: string): Promise<void> | undefined {
    return secret.startsWith('ox_') ? this.#table.lookUp(secret, this.#clock.monotonicMs()) : undefined;
  }

  /** Revokes a token at once; false for an unknown id. */
  remove(id: string): Promise<boolean> {
    return this.#table.remove(id);
  }

  /** Revokes all tokens of a user at once. */
  async removeOf(userId: string): Promise<void> {
    await Promise.all(this.of(userId).map(({ id }) => this.#table.remove(id)));
  }
}
