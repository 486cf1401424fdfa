/**
 * Hashes of passwords as PHC strings: argon2id, scrypt where Node lacks it, and bcrypt of accounts that were
 * imported.
 * In: a password, a PHC string. Out: a PHC string; whether they match, and whether the hash should be
 * replaced. RFC 9106; RFC 7914; parameters of the OWASP Password Storage Cheat Sheet.
 */
import * as crypto from 'node:crypto';
import { matchesBcrypt } from './bcrypt.ts';

/** The result of a comparison. */
interface PasswordCheck {
  readonly matches: boolean;
  /** The hash is of another kind, or of other parameters, than new ones are. */
  readonly isOld: boolean;
}

const ARGON = { memory: 19 * 1024, passes: 2, parallelism: 1 } as const; // memory in KiB
const SCRYPT = { ln: 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Beyond this cost a comparison takes seconds. */
const MAX_BCRYPT_COST = 12;
/** Most memory of a stored hash, KiB. */
const MAX_KIB = 256 * 1024;

const ARGON_TEXT = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([\w+/]{11,86})\$([\w+/]{22,86})$/;
const SCRYPT_TEXT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{11,86})\$([\w+/]{22,86})$/;
const BCRYPT_TEXT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** Whether this Node has argon2. */
const hasArgon2 = 'argon2' in crypto;

/** Whether a text is a hash that `checkPassword` reads; for imports. */
export function isPasswordHash(text: string): boolean {
  return [ARGON_TEXT, SCRYPT_TEXT, BCRYPT_TEXT].some((pattern) => pattern.test(text));
}

/**
 * Hashes a password, in a thread of libuv, some 40 ms.
 *
 * @param options.argon2 false: as on a Node without it
 */
export async function hashPassword(password: string, { argon2 = hasArgon2 } = {}): Promise<string> {
  const salt = crypto.randomBytes(SALT_BYTES);
  const message = bytesOf(password);
  if (argon2) {
    const { memory, passes, parallelism } = ARGON;
    const tag = await argon2id(message, salt, { ...ARGON, tagLength: TAG_BYTES });
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${print(salt)}$${print(tag)}`;
  }
  const { ln, r, p } = SCRYPT;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${print(salt)}$${print(await scrypt(message, salt, TAG_BYTES, SCRYPT))}`;
}

/** Compares a password with a hash. A text that is no hash matches nothing. */
export async function checkPassword(hash: string, password: string): Promise<PasswordCheck> {
  const message = bytesOf(password);
  const argon = ARGON_TEXT.exec(hash);
  if (argon) {
    const [memory, passes, parallelism] = argon.slice(1, 4).map(Number) as [number, number, number];
    if (!hasArgon2 || memory > MAX_KIB) return { matches: false, isOld: false };
    const isOld = memory !== ARGON.memory || passes !== ARGON.passes || parallelism !== ARGON.parallelism;
    const tag = read(argon[5]!);
    const computed = await argon2id(message, read(argon[4]!), { memory, passes, parallelism, tagLength: tag.length });
    return { matches: crypto.timingSafeEqual(computed, tag), isOld };
  }
  const scrypted = SCRYPT_TEXT.exec(hash);
  if (scrypted) {
    const [ln, r, p] = scrypted.slice(1, 4).map(Number) as [number, number, number];
    if (2 ** ln * r * 128 > MAX_KIB * 1024) return { matches: false, isOld: false };
    const tag = read(scrypted[5]!);
    const computed = await scrypt(message, read(scrypted[4]!), tag.length, { ln, r, p });
    return { matches: crypto.timingSafeEqual(computed, tag), isOld: hasArgon2 || ln !== SCRYPT.ln };
  }
  const cost = BCRYPT_TEXT.exec(hash)?.[1];
  if (cost === undefined || Number(cost) > MAX_BCRYPT_COST) return { matches: false, isOld: false };
  return { matches: await matchesBcrypt(password, hash), isOld: true };
}

function argon2id(
  message: Uint8Array,
  nonce: Uint8Array,
  parameters: { memory: number; passes: number; parallelism: number; tagLength: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto.argon2('argon2id', { message, nonce, ...parameters }, (error, tag) =>
      error ? reject(error) : resolve(tag),
    );
  });
}

function scrypt(
  message: Uint8Array,
  salt: Uint8Array,
  length: number,
  { ln, r, p }: { ln: number; r: number; p: number },
): Promise<Buffer> {
  const options = { N: 2 ** ln, r, p, maxmem: 2 * 128 * 2 ** ln * r };
  return new Promise((resolve, reject) => {
    crypto.scrypt(message, salt, length, options, (error, tag) => (error ? reject(error) : resolve(tag)));
  });
}

/** The same password typed on another keyboard has the same bytes. */
const bytesOf = (password: string): Uint8Array => Buffer.from(password.normalize('NFC'));
const print = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
const read = (text: string): Buffer => Buffer.from(text, 'base64');
