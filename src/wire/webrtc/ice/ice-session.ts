/**
 * ICE of one connection: answers the checks of the peer, and sends own ones where this side controls.
 * In: STUN messages with the address they came from, and a tick. Out: STUN messages; the address to send to.
 * RFC 8445: as a lite agent (2.5), or as a controlling agent that nominates the first pair that works; consent of RFC 7675.
 */
import { randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import {
  hasIntegrity,
  printErrorCode,
  printStun,
  printXorAddress,
  type StunMessage,
  stunAttribute,
  stunType,
  u32,
} from './stun-message.ts';

/** An address with a port. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** User name fragment and password of one side, RFC 8445 5.3. */
export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** What a session needs. */
export interface IceOptions {
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  /** `controlling`: this side has made the offer, and sends checks to the candidates of the peer. */
  readonly role: 'lite' | 'controlling';
  /** Addresses of the peer; a lite agent learns them from its checks. */
  readonly candidates: readonly Endpoint[];
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  /** There is an address to send to, or another one. */
  readonly onSelected: (endpoint: Endpoint) => void;
}

/** Candidates of a peer that are checked; further ones are ignored. */
const MAX_CANDIDATES = 16;
/** A check without a response is sent again after this, then after twice the time, ms. */
const FIRST_CHECK_MS = 100;
const MAX_CHECK_MS = 1000;
/** Interval of checks for consent, ms, RFC 7675 5.1. */
const CONSENT_MS = 5000;
const UFRAG_BYTES = 6;
const PASSWORD_BYTES = 18;
/** Of a host candidate, RFC 8445 5.1.2. */
const PRIORITY = 2_130_706_431;

interface Check {
  readonly endpoint: Endpoint;
  readonly transaction: Uint8Array;
  intervalMs: number;
  dueMs: number;
}

/** New credentials, 48 and 144 random bits (RFC 8445 5.3 wants 24 and 128). */
export function createIceCredentials(): IceCredentials {
  // Base64 is within the characters that ICE allows, RFC 8839 5.4.
  return {
    ufrag: randomBytes(UFRAG_BYTES).toString('base64'),
    password: randomBytes(PASSWORD_BYTES).toString('base64'),
  };
}

/** One connection. */
export class IceSession {
  readonly #options: IceOptions;
  readonly #checks: Check[];
  readonly #tieBreaker = randomBytes(8);
  #selected: Endpoint | undefined;
  #isNominated = false;
  #consent: Check | undefined;

  constructor(options: IceOptions) {
    this.#options = options;
    this.#checks = [];
    for (const endpoint of options.candidates) this.addCandidate(endpoint);
  }

  /** Where to send; undefined before a check has succeeded. */
  get selected(): Endpoint | undefined {
    return this.#selected;
  }

  /** Adds a candidate of the peer (trickle ICE, RFC 8838). */
  addCandidate(endpoint: Endpoint): void {
    if (this.#options.role === 'lite' || this.#checks.length >= MAX_CANDIDATES) return;
    const isKnown = this.#checks.some(({ endpoint: known }) => isSame(known, endpoint));
    if (!isKnown) this.#checks.push(createCheck(endpoint));
  }

  /** Whether a response with this transaction answers a check of this session. */
  awaits(transaction: Uint8Array): boolean {
    return this.#checks.some((check) => Buffer.compare(check.transaction, transaction) === 0);
  }

  /**
   * Takes a message.
   *
   * @returns whether it came from the peer: it has the password, or answers a check
   */
  receive(message: StunMessage, from: Endpoint): boolean {
    switch (message.type) {
      case stunType.bindingRequest:
        return this.#answer(message, from);
      case stunType.bindingSuccess:
        return this.#succeed(message, from);
      default:
        return false;
    }
  }

  /** Sends the checks that are due. @param nowMs monotonic */
  tick(nowMs: number): void {
    if (this.#options.role === 'lite') return;
    if (!this.#selected) {
      for (const check of this.#checks) this.#send(check, nowMs);
      return;
    }
    this.#consent ??= createCheck(this.#selected, nowMs + CONSENT_MS);
    const { dueMs } = this.#consent;
    if (nowMs >= dueMs) {
      this.#sendCheck(this.#consent);
      this.#consent.dueMs = nowMs + CONSENT_MS;
    }
  }

  #send(check: Check, nowMs: number): void {
    if (nowMs < check.dueMs) return;
    this.#sendCheck(check);
    check.dueMs = nowMs + check.intervalMs;
    check.intervalMs = Math.min(2 * check.intervalMs, MAX_CHECK_MS);
  }

  #sendCheck({ endpoint, transaction }: Check): void {
    const { local, remote, send } = this.#options;
    const attributes = new Map<number, Uint8Array>([
      [stunAttribute.username, new TextEncoder().encode(`${remote.ufrag}:${local.ufrag}`)],
      [stunAttribute.iceControlling, this.#tieBreaker],
      [stunAttribute.useCandidate, new Uint8Array()],
      [stunAttribute.priority, u32(PRIORITY)],
    ]);
    send(printStun({ type: stunType.bindingRequest, transaction, attributes }, remote.password), endpoint);
  }

  #answer(message: StunMessage, from: Endpoint): boolean {
    const { local, remote, send, role } = this.#options;
    const { transaction, attributes } = message;
    if (!hasIntegrity(message, local.password)) return false;
    const username = new TextDecoder().decode(attributes.get(stunAttribute.username));
    if (username !== `${local.ufrag}:${remote.ufrag}`) return false;
    if (role === 'lite' && attributes.has(stunAttribute.iceControlled)) {
      // A lite agent never controls: the peer has to, RFC 8445 7.3.1.1.
      const conflict = new Map([[stunAttribute.errorCode as number, printErrorCode(487, 'Role Conflict')]]);
      send(printStun({ type: stunType.bindingError, transaction, attributes: conflict }, local.password), from);
      return true;
    }
    const mapped = printXorAddress(bytesOf(from.address), from.port, transaction);
    const success = new Map([[stunAttribute.xorMappedAddress as number, mapped]]);
    send(printStun({ type: stunType.bindingSuccess, transaction, attributes: success }, local.password), from);
    if (role !== 'lite') {
      this.addCandidate(from); // a peer-reflexive candidate, RFC 8445 7.3.1.3
      return true;
    }
    const isNominated = attributes.has(stunAttribute.useCandidate);
    if (isNominated || !this.#isNominated) this.#select(from);
    this.#isNominated ||= isNominated;
    return true;
  }

  #succeed(message: StunMessage, from: Endpoint): boolean {
    if (!hasIntegrity(message, this.#options.remote.password)) return false;
    const isAnswerTo = ({ transaction, endpoint }: Check) =>
      Buffer.compare(transaction, message.transaction) === 0 && isSame(endpoint, from);
    if (this.#consent && isAnswerTo(this.#consent)) {
      this.#consent = undefined;
      return true;
    }
    if (!this.#checks.some(isAnswerTo)) return false;
    if (!this.#selected) this.#select(from);
    return true;
  }

  #select(endpoint: Endpoint): void {
    if (this.#selected && isSame(this.#selected, endpoint)) return;
    this.#selected = endpoint;
    this.#options.onSelected(endpoint);
  }
}

/** Whether two addresses are the same, as text. */
export function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

function createCheck(endpoint: Endpoint, dueMs = 0): Check {
  return { endpoint, transaction: randomBytes(12), intervalMs: FIRST_CHECK_MS, dueMs };
}

/** The bytes of an IP address; IPv4 within IPv6 is IPv4. */
function bytesOf(address: string): Uint8Array {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIPv4(plain)) return Uint8Array.from(plain.split('.'), Number);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...new Array(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
