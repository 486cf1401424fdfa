/**
 * Authentication of a client: challenges of a server, and the answers to them.
 * In: the value of `WWW-Authenticate`, a user name and password. Out: the value of `Authorization`.
 * RFC 7616 (Digest with MD5 and SHA-256, with and without qop), RFC 2069 (without), RFC 7617 (Basic).
 */
import { createHash, randomBytes } from 'node:crypto';

/** A challenge of a server. */
interface Challenge {
  readonly scheme: 'basic' | 'digest';
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A user name and password. */
interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** A request that is answered for. */
interface AuthorizedRequest extends Credentials {
  readonly method: string;
  /** As in the request. */
  readonly url: string;
}

/** Challenges of one field; further ones are ignored. */
const MAX_CHALLENGES = 8;
/** Algorithms of Digest by their names in lower case, and the hash of each; the preferred one first. */
const HASHES: ReadonlyMap<string, 'sha256' | 'md5'> = new Map([
  ['sha-256', 'sha256'],
  ['sha-256-sess', 'sha256'],
  ['md5', 'md5'],
  ['md5-sess', 'md5'],
]);

/**
 * Parses `WWW-Authenticate`, in which several challenges may follow each other; unknown schemes are left out.
 */
export function parseChallenges(value: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const token = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;
  for (const [, name = '', quoted, plain] of value.matchAll(token)) {
    const text = quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, '$1');
    if (text === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), text);
  }
  return challenges
    .slice(0, MAX_CHALLENGES)
    .flatMap(({ scheme, parameters }) => (scheme === 'basic' || scheme === 'digest' ? { scheme, parameters } : []));
}

/** Whether the server only wants a newer nonce: user name and password were right (RFC 7616 3.3). */
export function isStale(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ parameters }) => parameters.get('stale')?.toLowerCase() === 'true');
}

/** Answers the strongest challenge of a server; each answer of a Digest has a new count. */
export class Authenticator {
  readonly #challenge: Challenge;
  #count = 0;

  private constructor(challenge: Challenge) {
    this.#challenge = challenge;
  }

  /** For the strongest challenge; undefined if none is supported. */
  static of(challenges: readonly Challenge[]): Authenticator | undefined {
    const digests = challenges.filter(({ scheme }) => scheme === 'digest');
    const named = [...HASHES.keys()].map((name) => digests.find((each) => algorithmOf(each) === name && isKnown(each)));
    const challenge = named.find((each) => each) ?? challenges.find(({ scheme }) => scheme === 'basic');
    return challenge && new Authenticator(challenge);
  }

  /** The value of `Authorization`. */
  answer({ user, password, method, url }: AuthorizedRequest): string {
    const { scheme, parameters } = this.#challenge;
    if (scheme === 'basic') return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#count++;
    const count = this.#count.toString(16).padStart(8, '0');
    const clientNonce = randomBytes(8).toString('hex');
    const { realm = '', nonce = '', opaque, algorithm } = Object.fromEntries(parameters);
    const hasQop = parameters.has('qop');
    const response = digestOf(this.#challenge, { user, password, method, url }, count, clientNonce);
    const fields = [
      ...[`username=${quote(user)}`, `realm=${quote(realm)}`, `nonce=${quote(nonce)}`, `uri=${quote(url)}`],
      `response="${response}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
      ...(hasQop ? ['qop=auth', `nc=${count}`, `cnonce="${clientNonce}"`] : []),
    ];
    return `Digest ${fields.join(', ')}`;
  }
}

/** The response of a Digest, RFC 7616 3.4.1. @param count 8 hexadecimal digits */
export function digestOf(
  challenge: Challenge,
  { user, password, method, url }: AuthorizedRequest,
  count: string,
  clientNonce: string,
): string {
  const { parameters } = challenge;
  const algorithm = algorithmOf(challenge);
  const hash = (text: string) =>
    createHash(HASHES.get(algorithm) ?? 'md5')
      .update(text)
      .digest('hex');
  const nonce = parameters.get('nonce') ?? '';
  const secret = hash(`${user}:${parameters.get('realm') ?? ''}:${password}`);
  const key = algorithm.endsWith('-sess') ? hash(`${secret}:${nonce}:${clientNonce}`) : secret;
  const request = hash(`${method}:${url}`);
  const middle = parameters.has('qop') ? `${nonce}:${count}:${clientNonce}:auth` : nonce;
  return hash(`${key}:${middle}:${request}`);
}

function algorithmOf({ parameters }: Challenge): string {
  return (parameters.get('algorithm') || 'MD5').toLowerCase();
}

/** A qop that has no `auth` covers the body, which RTSP servers do not require. */
function isKnown({ parameters }: Challenge): boolean {
  const qop = parameters.get('qop');
  return qop === undefined || qop.split(',').some((each) => each.trim().toLowerCase() === 'auth');
}

function quote(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, '\\$&').replaceAll(/[\r\n]/g, '')}"`;
}
