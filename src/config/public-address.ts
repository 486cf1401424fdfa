/**
 * Addresses without their secrets: what rows, messages and pages may show.
 * In: addresses of sources and targets. Out: the same addresses without what may be a secret. Pure.
 */
import { FormatError } from '@oxbow/media/errors';

/** Schemes whose addresses have no user, password or key: a port of this computer, a file. */
const OPEN_SCHEMES = /^(?:udp|sdp):/i;

/** An address of HTTP whose host begins after `://` and ends before `/`, `?` or `#`. */
const USUAL_HTTP = /^https?:\/\/[^/?#\\\s]+(?:[/?#]|$)/i;

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
 * The address of a source without user, password, query and fragment. An address that has none of them is
 * returned as it is, and so is a text that is no address.
 */
export function publicAddress(address: string): string {
  const plain = plainAddress(address);
  if (OPEN_SCHEMES.test(plain) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(plain)) return address;
  const shown = plain.replace(/:\/\/[^/?#]*@/, '://').replace(/[?#].*$/s, '');
  return shown === plain ? address : shown;
}

/** The address of a target without all that follows its host: paths of targets are keys. */
export function publicTarget(address: string): string {
  const host = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(address)?.[0];
  return host === undefined ? '' : `${publicAddress(host)}/…`;
}

/** In place of a password, a query or a header that is not shown. */
export const KEPT = '***';

/** The address of a source for administrators: `***` for its password and for its query. */
export function maskedAddress(address: string): string {
  if (publicAddress(address) === address) return address;
  return plainAddress(address)
    .replace(/:\/\/([^/?#]*)@/, (_, login: string) => {
      const colon = login.indexOf(':');
      // A user without a password may be a token.
      return colon < 0 ? `://${KEPT}@` : `://${login.slice(0, colon)}:${KEPT}@`;
    })
    .replace(/\?[^#]*/, `?${KEPT}`)
    .replace(/#.*$/s, '');
}

/** The parts of an address that carry secrets, and where they are sent to. */
interface AddressParts {
  /** Scheme, host and port. */
  readonly place: string;
  readonly user: string;
  readonly password: string | undefined;
  /** Without `?`; undefined: there is none. */
  readonly query: string | undefined;
}

function partsOf(address: string): AddressParts {
  const [, scheme = '', login = '', host = '', query] =
    /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#]*)@)?([^/?#]*)[^?#]*(?:\?([^#]*))?/is.exec(plainAddress(address)) ?? [];
  const colon = login.indexOf(':');
  return {
    place: `${scheme}://${host}`.toLowerCase(),
    user: colon < 0 ? login : login.slice(0, colon),
    password: colon < 0 ? undefined : login.slice(colon + 1),
    query,
  };
}

/** Whether two addresses have the same scheme, host and port. */
export function isSamePlace(a: string, b: string): boolean {
  return partsOf(a).place === partsOf(b).place;
}

/**
 * An address that was typed in place of another one: `***` is the password, or the query, of the address
 * before. They are only sent where they were sent before: to the same scheme, host and port, and for the
 * same user.
 *
 * @param before undefined: there is none
 * @throws FormatError if `***` is a secret of another place
 */
export function withKeptSecrets(address: string, before: string | undefined): string {
  const next = partsOf(address);
  const keepsUser = next.user === KEPT && next.password === undefined;
  if (!keepsUser && next.password !== KEPT && next.query !== KEPT) return address;
  const old = before === undefined ? undefined : partsOf(before);
  const isSameUser = keepsUser ? old?.password === undefined && old?.user !== '' : old?.user === next.user;
  const mayKeep = old !== undefined && old.place === next.place && isSameUser;
  const lacksPassword = next.password === KEPT && old?.password === undefined;
  const lacksQuery = next.query === KEPT && old?.query === undefined;
  if (!mayKeep || lacksPassword || lacksQuery) {
    throw new FormatError(
      `*** is what is stored for ${old?.place ?? 'no address'} and its user, and is not sent to ${next.place}: write the password and the query again`,
      0,
    );
  }
  const plain = plainAddress(address);
  const withUser = keepsUser ? plain.replace(`://${KEPT}@`, () => `://${old.user}@`) : plain;
  const withLogin =
    next.password === KEPT ? plain.replace(`${next.user}:${KEPT}@`, () => `${old.user}:${old.password}@`) : withUser;
  return next.query === KEPT ? withLogin.replace(`?${KEPT}`, () => `?${old.query}`) : withLogin;
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
