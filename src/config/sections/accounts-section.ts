/**
 * The settings of accounts, a part of the table of all settings.
 * In: the types of settings. Out: the section `accounts` for schema.ts.
 */
import { choice, duration, flag, integer, section } from '../option.ts';

export const accountsSection = section({
  signUp: choice(
    ['open', 'approval', 'invitation', 'closed'],
    'invitation',
    'Who may create an account: everyone (`open`), everyone once an administrator approved (`approval`), people with an invitation, or no one (`closed`; administrators create accounts in any case).',
    { reload: 'live' },
  ),
  guests: flag(true, 'Whether people may take part in rooms with a name alone, without an account.', {
    reload: 'live',
  }),
  maxGuests: integer('10000', { min: 1, max: 50_000 }, 'Most guests at the same time.', { reload: 'live' }),
  guestExpiry: duration('7d', 'A guest expires this long after the last use.', { min: '1h', reload: 'live' }),
  uploads: flag(false, 'Whether users may upload to the library; administrators always may.', { reload: 'live' }),
  watch: choice(
    ['public', 'signed'],
    'public',
    'Streams that users with an account may watch without a playback token: public and unlisted ones, or `signed` ones too. Private streams are for administrators.',
    { reload: 'live' },
  ),
  auditKeep: duration('365d', 'How long lines of the audit log are kept.', { min: '1d', reload: 'live' }),
});
