/**
 * A person as another service describes them.
 * In: JSON of the service. Out: Profile. Pure. OpenID Connect Core 5.1.
 */
import { OxbowError } from '../../lib/errors.ts';
import { readEmail } from '../mail/email-address.ts';

/** The stored profile of a person. */
export interface Profile {
  /** Id of the person at the service; never changes, and is never given to someone else. */
  readonly subject: string;
  /** As the person is called there; may be empty. */
  readonly name: string;
  /** Undefined unless the service has confirmed that it is the person's. */
  readonly verifiedEmail: string | undefined;
}

/** Longest id; OpenID Connect Core 2 allows 255 characters. */
const MAX_SUBJECT = 255;
const MAX_NAME = 200;

/**
 * Checks the claims of a service.
 *
 * @param claims `subject` a text or whole number; `isVerified` is accepted only as `true`
 * @throws OxbowError `identity-refused` without an id
 */
export function createProfile(claims: {
  readonly subject: unknown;
  /** The first that is a text which is not empty. */
  readonly names: readonly unknown[];
  readonly email: unknown;
  readonly isVerified: unknown;
}): Profile {
  const { names, email, isVerified } = claims;
  const subject = Number.isSafeInteger(claims.subject) ? String(claims.subject) : claims.subject;
  if (typeof subject !== 'string' || subject === '' || subject.length > MAX_SUBJECT) {
    throw new OxbowError('identity-refused', 'The service sent no id of the person.');
  }
  const name = names.find((each): each is string => typeof each === 'string' && each.trim() !== '') ?? '';
  const verifiedEmail = isVerified === true && typeof email === 'string' ? readEmail(email) : undefined;
  return { subject, name: name.slice(0, MAX_NAME), verifiedEmail };
}

/** The claims of an ID token and of userinfo. */
export function profileOfClaims(claims: Readonly<Record<string, unknown>>): Profile {
  const { sub, name, preferred_username, nickname, email, email_verified } = claims;
  return createProfile({
    subject: sub,
    names: [preferred_username, nickname, name],
    email,
    isVerified: email_verified,
  });
}
