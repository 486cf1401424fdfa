/**
 * Who did something, as the audit log names them: a role and a name.
 * In: the name of an entry. Out: words. Pure.
 */
import type { TextKey } from '../../text/text.ts';

/** Entries that are not of a person with a role. */
const fixed: Readonly<Record<string, TextKey>> = {
  '': 'audit.unknown',
  'admin token': 'audit.who.adminToken',
  'own worker': 'audit.who.ownWorker',
  'deleted user': 'audit.who.deleted',
};
const roles: Readonly<Record<string, TextKey>> = {
  admin: 'audit.who.admin',
  user: 'audit.who.user',
  guest: 'audit.who.guest',
  token: 'audit.who.token',
  session: 'audit.who.session',
};

/** The name of an entry in the language of the reader; one of an unknown form as it is. */
export function auditName(
  name: string,
  t: (key: TextKey, values?: Readonly<Record<string, string>>) => string,
): string {
  const whole = fixed[name];
  if (whole) return t(whole);
  const [role = '', ...words] = name.split(' ');
  const key = roles[role];
  return key && words.length > 0 ? t(key, { name: words.join(' ') }) : name;
}
