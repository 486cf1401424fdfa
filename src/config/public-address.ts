/**
 * Addresses without their secrets: what rows, messages and pages may show.
 * In: addresses of sources and targets. Out: the same addresses without what may be a secret. Pure.
 */
import { FormatError } from '@oxbow/media/errors';

/** Schemes whose addresses have no user, password or key: a port of this computer, a file. */
const OPEN_SCHEMES = /^(?:udp|sdp):/i;

/** An address of HTTP whose host begins after `://` and ends before `/`, `?` or `#`. */
const USUAL_HTTP = /^https?:\/\/[^/?#\\\s]+(?:[/?#]|$)/i;

/** In place of a password, a query, a header or a part of a path that is not shown. */
export const KEPT = '***';

/** An address: its scheme and host, and its path. */
const PATH = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)([^?#]*)/is;

/** A value in a path whose name is that of a secret: `/user=admin_password=secret_channel=1`. */
const NAMED_SECRET =
  /((?:^|[/;,&_.:-]|%26)(?:pass|passwd|password|passphrase|pwd|token|secret|key|auth|sig|signature)(?:=|%3d))((?:(?!_[a-z]+(?:=|%3d)|%26)[^/&;,])*)/gi;

const maskedPath = (path: string) => path.replace(NAMED_SECRET, `$1${KEPT}`);

/** A word of a name: letters, then digits, or the other way round; keys change between them more often. */
const WORD = /^(?:[a-z]{0,15}\d{0,12}|\d{1,12}[a-z]{0,15}|\d{1,4}p\d{1,3}|h26[45][a-z]{0,15})$/i;
/** The type of a file: `.m3u8`. */
const EXTENSION = /\.[a-z0-9]{1,5}$/i;
/** Longest part of a path that is shown, characters. */
const MAX_NAME = 64;

/** So many letters may be a key; fewer are a name. */
const LEAST_KEY_LETTERS = 8;

/**
 * Whether a text of only letters may be a key: no language spells it. Words have vowels, few consonants in
 * a row, and capitals where they begin: `LiveStreams`, `BuildingA` and `qianmen`, not `qZkvHtbWplxm`.
 */
function isUnspoken(letters: string): boolean {
  if (letters.length < LEAST_KEY_LETTERS) return false;
  const vowels = letters.match(/[aeiouy]/gi)?.length ?? 0;
  if (vowels < letters.length / 5 || /[^aeiouy]{5}/i.test(letters) || /q(?![aeiou])/i.test(letters)) return true;
  const words = letters.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  return words.length > letters.length / 2.5 || words.slice(1, -1).some((word) => word.length < 2);
}

/** Whether a part of a path is more than a name: it may be a key. */
function isKeyLike(part: string): boolean {
  if (part.length > MAX_NAME || /[=&;:@%]/.test(part)) return true;
  return !part
    .replace(EXTENSION, '')
    .split(/[-_.~+]/)
    .every((word) => WORD.test(word) && !word.split(/\d+/).some(isUnspoken));
}

/** Of a path: the last part, unless it may be a key; `***` for all that precedes it. */
export function publicPath(path: string): string {
  const end = path.endsWith('/') ? '/' : '';
  const parts = path.split('/').filter((part) => part !== '');
  const last = parts.at(-1);
  if (last === undefined) return path;
  const isHidden = isKeyLike(last);
  if (parts.length === 1 && !isHidden) return path;
  return `/${KEPT}${isHidden ? '' : `/${last}`}${end}`;
}

/** Longer parts of a path that are no names are no words of a sentence. */
const LEAST_SECRET_PART = 16;

/** What may be a key in the path of an address, as it may be repeated in names and messages. */
export function pathSecrets(address: string): readonly string[] {
  const parts = partsOf(address).path.split('/');
  const keys = parts.filter((part) => part.length >= LEAST_SECRET_PART || (part.length >= 6 && isKeyLike(part)));
  const stems = keys.map((part) => part.replace(EXTENSION, ''));
  const named = parts.flatMap((part) => [...part.matchAll(NAMED_SECRET)].map(([, , value = '']) => value));
  return [...keys, ...stems, ...named].filter((text) => text.length >= 4);
}

/**
 * The address as it is understood when it is opened: without white space around it, and, of HTTP, with the
 * host after `://`. `http:u:p@host`, `http:///u:p@host` and `http://host\@other` are addresses too.
 */
function plainAddress(address: string): string {
  const [, prefix = '', text = ''] = /^(whep\+)?(.*)$/is.exec(address.trim()) ?? [];
  if (!/^https?:/i.test(text) || (USUAL_HTTP.test(text) && !/[\t\r\n]/.test(text))) return `${prefix}${text}`;
  return `${prefix}${URL.parse(text)?.href ?? text}`;
}

/**
 * The address of a source without user, password, query and fragment, and of its path only the last part,
 * unless it may be a key. An address that has nothing else is returned as it is, and so is a text that is no
 * address.
 */
export function publicAddress(address: string): string {
  const plain = plainAddress(address);
  if (OPEN_SCHEMES.test(plain) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(plain)) return address;
  const shown = plain
    .replace(/:\/\/[^/?#]*@/, '://')
    .replace(/[?#].*$/s, '')
    .replace(/^([^/]*\/\/[^/]*)(\/.*)$/s, (_, place: string, path: string) => `${place}${publicPath(path)}`);
  return shown === plain ? address : shown;
}

/** The address of a target without all that follows its host: paths of targets are keys. */
export function publicTarget(address: string): string {
  const host = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(address)?.[0];
  return host === undefined ? '' : `${publicAddress(host)}/…`;
}

/**
 * The address of a source for administrators: `***` for its password, for its query, and for passwords that
 * its path names.
 */
export function maskedAddress(address: string): string {
  if (publicAddress(address) === address) return address;
  return plainAddress(address)
    .replace(/:\/\/([^/?#]*)@/, (_, login: string) => {
      const colon = login.indexOf(':');
      // A user without a password may be a token.
      return colon < 0 ? `://${KEPT}@` : `://${login.slice(0, colon)}:${KEPT}@`;
    })
    .replace(/\?[^#]*/, `?${KEPT}`)
    .replace(/#.*$/s, '')
    .replace(PATH, (_, place: string, path: string) => `${place}${maskedPath(path)}`);
}

/** The parts of an address that carry secrets, and where they are sent to. */
interface AddressParts {
  /** Scheme, host and port. */
  readonly place: string;
  readonly user: string;
  readonly password: string | undefined;
  /** With its first `/`; may be empty. */
  readonly path: string;
  /** Without `?`; undefined: there is none. */
  readonly query: string | undefined;
}

function partsOf(address: string): AddressParts {
  const [, scheme = '', login = '', host = '', path = '', query] =
    /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?/is.exec(plainAddress(address)) ?? [];
  const colon = login.indexOf(':');
  return {
    place: `${scheme}://${host}`.toLowerCase(),
    user: colon < 0 ? login : login.slice(0, colon),
    password: colon < 0 ? undefined : login.slice(colon + 1),
    path,
    query,
  };
}

/** Whether two addresses have the same scheme, host and port. */
export function isSamePlace(a: string, b: string): boolean {
  return partsOf(a).place === partsOf(b).place;
}

/**
 * An address that was typed in place of another one: `***` is the password, or the query, of the address
 * before, and a path with `***` is its path, if it is shown so. They are only sent where they were sent
 * before: to the same scheme, host and port, and for the same user.
 *
 * @param before undefined: there is none
 * @throws FormatError if `***` is a secret of another place
 */
export function withKeptSecrets(address: string, before: string | undefined): string {
  const next = partsOf(address);
  const keepsUser = next.user === KEPT && next.password === undefined;
  const keepsPath = next.path.includes(KEPT);
  if (!keepsUser && !keepsPath && next.password !== KEPT && next.query !== KEPT) return address;
  const old = before === undefined ? undefined : partsOf(before);
  const isSameUser = keepsUser ? old?.password === undefined && old?.user !== '' : old?.user === next.user;
  const mayKeep = old !== undefined && old.place === next.place && isSameUser;
  const lacksPassword = next.password === KEPT && old?.password === undefined;
  const lacksQuery = next.query === KEPT && old?.query === undefined;
  // A path that has *** itself is what an address was without its key.
  const lacksPath = keepsPath && (old?.path.includes(KEPT) || next.path !== maskedPath(old?.path ?? ''));
  if (!mayKeep || lacksPassword || lacksQuery || lacksPath) {
    throw new FormatError(
      `*** is what is stored for ${old?.place ?? 'no address'} and its user, and is not sent to ${next.place}, or not with another path: write the password, the path and the query again`,
      0,
    );
  }
  const plain = plainAddress(address);
  const withUser = keepsUser ? plain.replace(`://${KEPT}@`, () => `://${old.user}@`) : plain;
  const withLogin =
    next.password === KEPT ? plain.replace(`${next.user}:${KEPT}@`, () => `${old.user}:${old.password}@`) : withUser;
  const withPath = keepsPath ? withLogin.replace(PATH, (_, place: string) => `${place}${old.path}`) : withLogin;
  return next.query === KEPT ? withPath.replace(`?${KEPT}`, () => `?${old.query}`) : withPath;
}

/** The address of a webhook for administrators: further parts of its path and its query may be keys. */
export function shownHook(address: string): string {
  const [, place = '', path = '', query = ''] =
    /^([a-z]+:\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(publicHook(address)) ?? [];
  const [first = '', ...rest] = path.slice(1).split('/');
  const isShort = first.length <= MAX_SHOWN && rest.every((part) => part === '');
  const shown = isShort ? path : first.length <= MAX_SHOWN ? `/${first}/…` : '/…';
  return `${place}${shown}${query === '' ? '' : '?…'}`;
}

/** Longest first part of a path that is shown, characters: longer ones may be keys. */
const MAX_SHOWN = 20;

const publicHook = (address: string) => address.replace(/:\/\/[^/?#]*@/, '://');

/**
 * A list that was typed in place of another one. Two addresses that look the same without their secrets keep
 * their order.
 *
 * @throws FormatError as `withKeptSecrets`
 */
export function withAllKeptSecrets(items: readonly string[], before: readonly string[]): readonly string[] {
  const left = [...before];
  return items.map((item) => {
    const text = item.trim();
    const place = left.findIndex((address) => maskedAddress(address) === text);
    const [same] = place < 0 ? [] : left.splice(place, 1);
    return withKeptSecrets(text, same ?? before.find((address) => isSamePlace(address, text)));
  });
}
