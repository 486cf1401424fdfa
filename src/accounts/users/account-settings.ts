/**
 * The settings of accounts as this folder needs them.
 * In: config/sections/accounts-section.ts. Out: types; the defaults for tests.
 */
import type { SignUpMode } from '../../api/account/account-shapes.ts';
import type { UserRights } from '../principal.ts';

export interface AccountSettings extends UserRights {
  readonly signUp: SignUpMode;
  readonly guests: boolean;
  /** Most guests at the same time. */
  readonly maxGuests: number;
  /** A guest expires this long after its last use, ms. */
  readonly guestExpiry: number;
  /** How long lines of the audit log are kept, ms. */
  readonly auditKeep: number;
}

/** The defaults. */
export const usualSettings: AccountSettings = {
  signUp: 'invitation',
  guests: true,
  maxGuests: 10_000,
  guestExpiry: 7 * 24 * 3_600_000,
  uploads: false,
  watch: 'public',
  auditKeep: 365 * 24 * 3_600_000,
};
