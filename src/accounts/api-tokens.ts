/**
 * Tokens for programs: made, listed and taken back by an administrator, shown once.
 * In: `ox_…` of a bearer header (RFC 6750). Out: what its owner may; what is kept is the digest.
 */
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { createSecret, digestOf } from './random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

/** `admin`: everything. `view`: to watch and to read what administrators see of streams, and metrics. */
export type TokenScope = 'admin' | 'view';

/** A token, without its word. */
export interface ApiToken extends SecretRow {
  readonly label: string;
  readonly scopes: readonly TokenScope[];
  readonly createdMs: number;
  /** Undefined: never. */
  readonly expiresMs: number | undefined;
}

const MAX_TOKENS = 1000;

/** All tokens. */
export class ApiTokens {
  readonly #table: SecretTable<ApiToken>;
  readonly #clock: Clock;

  private constructor(table: SecretTable<ApiToken>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Reads what is kept. */
  static async open(rows: Rows<ApiToken>, clock: Clock): Promise<ApiTokens> {
    return new ApiTokens(await SecretTable.open(rows), clock);
  }

  /** Oldest first, those that have expired too. */
  get all(): readonly ApiToken[] {
    return [...this.#table.all].sort((a, b) => a.createdMs - b.createdMs);
  }

  /**
   * Makes a token. Its word is told once.
   *
   * @throws OxbowError `limit-reached`
   */
  async make(wish: {
    readonly label: string;
    readonly scopes: readonly TokenScope[];
    readonly expiresMs: number | undefined;
  }): Promise<{ readonly token: ApiToken; readonly secret: string }> {
    if (this.#table.all.length >= MAX_TOKENS) {
      throw new OxbowError('limit-reached', `There are ${MAX_TOKENS} tokens already.`);
    }
    const secret = `ox_${createSecret()}`;
    const token: ApiToken = { id: createSecret(9), digest: digestOf(secret), createdMs: this.#clock.nowMs(), ...wish };
    await this.#table.put(token);
    return { token, secret };
  }

  /** The token of a word, until it expires. */
  find(secret: string): ApiToken | undefined {
    if (!secret.startsWith('ox_')) return undefined;
    const token = this.#table.find(secret);
    return token && this.#clock.nowMs() < (token.expiresMs ?? Number.POSITIVE_INFINITY) ? token : undefined;
  }

  /** Takes a token back, at once; false where there is none of that id. */
  remove(id: string): Promise<boolean> {
    return this.#table.remove(id);
  }
}
