/**
 * Invitations to create an account: a code that an administrator gives to someone, shown once.
 * In: codes. Out: the role of the accounts that they create. Only the digest of a code is stored.
 */
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSecret, digestOf } from '../random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from '../secret-table.ts';

/** An invitation, without its code. */
export interface Invitation extends SecretRow {
  readonly label: string;
  readonly role: 'user' | 'admin';
  readonly usesLeft: number;
  /** Id of the user who created it. */
  readonly createdBy: string;
  readonly createdMs: number;
  /** Undefined: it does not expire. */
  readonly expiresMs: number | undefined;
}

/** Where invitations are stored. */
export interface InvitationRows extends Rows<Invitation> {
  /**
   * Adds to the uses that are left, in one step for all nodes; false if none is left or the invitation is
   * gone.
   */
  take(id: string, uses: -1 | 1): Promise<boolean>;
}

const MAX_INVITATIONS = 1000;

export class Invitations {
  readonly #table: SecretTable<Invitation>;
  readonly #clock: Clock;

  readonly #rows: Pick<InvitationRows, 'take'>;

  private constructor(table: SecretTable<Invitation>, clock: Clock, rows: InvitationRows) {
    this.#table = table;
    this.#clock = clock;
    this.#rows = rows;
  }

  /** Reads the stored invitations; expired and used ones are deleted. */
  static async open(rows: InvitationRows, clock: Clock): Promise<Invitations> {
    const invitations = new Invitations(await SecretTable.open(rows), clock, rows);
    await invitations.#sweep();
    return invitations;
  }

  /** Those that can be used, oldest first. */
  get all(): readonly Invitation[] {
    return this.#table.all.filter((invitation) => this.#isValid(invitation)).sort((a, b) => a.createdMs - b.createdMs);
  }

  /**
   * Creates an invitation. The code is returned only here.
   *
   * @throws OxbowError `limit-reached`
   */
  async make(
    settings: Pick<Invitation, 'label' | 'role' | 'usesLeft' | 'createdBy' | 'expiresMs'>,
  ): Promise<{ readonly invitation: Invitation; readonly code: string }> {
    if (this.#table.size >= MAX_INVITATIONS) await this.#sweep();
    if (this.#table.size >= MAX_INVITATIONS) {
      throw new OxbowError('limit-reached', `There are ${MAX_INVITATIONS} invitations already.`);
    }
    const code = createSecret(12);
    const made = { id: createSecret(9), digest: digestOf(code), createdMs: this.#clock.nowMs() };
    const invitation: Invitation = { ...made, ...settings };
    await this.#table.put(invitation);
    return { invitation, code };
  }

  /**
   * Takes one use of a code for an account that `work` creates; it is given back if that fails.
   *
   * @throws OxbowError `invitation-refused`, and as `work` does
   */
  async use<T>(code: string, work: (invitation: Invitation) => Promise<T>): Promise<T> {
    const invitation = this.#table.find(code);
    if (!invitation || !this.#isValid(invitation)) throw refused();
    // In memory first: of two uses at once, the second sees the first.
    this.#table.learn({ ...invitation, usesLeft: invitation.usesLeft - 1 });
    if (!(await this.#rows.take(invitation.id, -1))) throw refused();
    try {
      return await work(invitation);
    } catch (error) {
      const now = this.#table.get(invitation.id);
      if (now) this.#table.learn({ ...now, usesLeft: now.usesLeft + 1 });
      await this.#rows.take(invitation.id, 1);
      throw error;
    }
  }

  /** Revokes an invitation at once; false for an unknown id. */
  remove(id: string): Promise<boolean> {
    return this.#table.remove(id);
  }

  #isValid({ usesLeft, expiresMs }: Invitation): boolean {
    return usesLeft > 0 && this.#clock.nowMs() < (expiresMs ?? Number.POSITIVE_INFINITY);
  }

  async #sweep(): Promise<void> {
    for (const invitation of this.#table.all) if (!this.#isValid(invitation)) await this.#table.remove(invitation.id);
  }
}

function refused(): OxbowError {
  return new OxbowError('invitation-refused', 'The invitation was already used, has expired, or is incomplete.');
}
