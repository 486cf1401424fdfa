/**
 * Which passwords are accepted: long enough, and not among the first that anyone would try.
 * In: a password, the name of its user. Out: nothing, or a refusal. NIST SP 800-63B 3.1.1.2.
 */
import { OxbowError } from '../../lib/errors.ts';
import { nameKeyOf } from './user-name.ts';

/** Least characters. */
export const MIN_PASSWORD = 8;
/** Most characters, in UTF-16 units: more would only cost time. */
export const MAX_PASSWORD = 256;

/** The most common ones of eight characters and more, in lower case. */
const COMMON: ReadonlySet<string> = new Set(
  `12345678 123456789 1234567890 0123456789 987654321 11111111 00000000 88888888 12341234 12344321 123123123 147258369
   password password1 password12 password123 password! passw0rd p@ssw0rd p@ssword qwertyui qwertyuiop qwerty123 qwerty12345
   1q2w3e4r 1q2w3e4r5t 1qaz2wsx q1w2e3r4 zaq12wsx asdfghjk asdfghjkl zxcvbnm1 abcd1234 abc12345 a1b2c3d4 aa123456 a12345678
   iloveyou iloveyou1 sunshine princess football baseball basketball superman batman123 starwars trustno1 dragon123 monkey123
   letmein1 letmein123 welcome1 welcome123 changeme changeme1 changeme123 admin123 admin1234 administrator root1234 toor1234
   computer internet whatever michelle jennifer danielle samantha charlie1 hello123 test1234 testtest guest1234 secret123
   oxbow123 oxbowoxbow synctv123 video123 default1 p@55w0rd woaini1314 5201314520 asdf1234 qazwsxedc 1234qwer pokemon1`.split(
    /\s+/,
  ),
);

/**
 * Refuses a password that is too short, too long, the name of its user, one character repeated, or one of the
 * most common.
 *
 * @throws OxbowError `bad-password`
 */
export function requireGoodPassword(password: string, name: string): void {
  const refuse = (why: string): never => {
    throw new OxbowError('bad-password', `The password ${why}.`);
  };
  if ([...password].length < MIN_PASSWORD) refuse(`has fewer than ${MIN_PASSWORD} characters`);
  if (password.length > MAX_PASSWORD) refuse(`has more than ${MAX_PASSWORD} characters`);
  const key = nameKeyOf(password);
  if (key === nameKeyOf(name)) refuse('is the name of the user');
  if (/^(.)\1*$/u.test(key) || COMMON.has(key)) refuse('is one of the most common');
}
