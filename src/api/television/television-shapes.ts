/**
 * A television that is paired with a person: by a code that the person enters on another device.
 * In: nothing. Out: shapes of the API. RFC 8628 is the model.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Letters of a code: consonants, so that no words form (RFC 8628 6.1). */
export const CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
/** Letters of a code. */
export const CODE_LENGTH = 8;
/** A television requests its state this often, seconds. */
export const PAIRING_INTERVAL_S = 3;

/** Pages that a person may open on a television. */
const Opens = Type.String({
  pattern: '^(?:/tv(?:/watch/[A-Za-z0-9._~-]{1,200}|/rooms/[A-Za-z0-9_-]{1,64})?)$',
  description: 'path of the page of a television that opens: `/tv`, `/tv/watch/…` or `/tv/rooms/…`',
});

/** What a television shows while it waits. */
export const PairingView = Type.Object(
  {
    code: Type.String({ description: 'to show; eight letters' }),
    secret: Type.String({ description: 'for the television only: it redeems the pairing' }),
    url: Type.String({ description: 'where a person enters the code; with the code in it, for a QR code' }),
    expiresAt: Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }),
    intervalS: Type.Integer({ description: 'seconds between two requests of its state' }),
  },
  { $id: 'PairingView' },
);
export type PairingView = Static<typeof PairingView>;

/** The secret of a pairing. */
export const PairingClaim = Type.Object(
  { secret: Type.String({ minLength: 16, maxLength: 64 }) },
  { additionalProperties: false, $id: 'PairingClaim' },
);

/** What a television that waits gets to its secret. */
export const PairingState = Type.Object(
  {
    paired: Type.Boolean({ description: 'true: the answer has set the session cookie' }),
    opens: Type.Union([Type.String(), Type.Null()], { description: 'the page to open; null while it waits' }),
  },
  { $id: 'PairingState' },
);
export type PairingState = Static<typeof PairingState>;

/** A person allows a television. */
export const PairingApproval = Type.Object(
  {
    code: Type.String({ minLength: CODE_LENGTH, maxLength: 20, description: 'as the television shows it' }),
    opens: Type.Optional(Opens),
  },
  { additionalProperties: false, $id: 'PairingApproval' },
);
