/**
 * ICE of one connection: answers the checks of the peer, and sends checks where this side controls.
 * In: STUN messages with the address they came from, and a tick. Out: STUN messages; the address to send to.
 * RFC 8445: as a lite agent (2.5), or as a controlling agent that nominates the first pair that works;
 * consent of RFC 7675.
 */
import { randomBytes } from 'node:crypto';
import { sameBytes } from '@oxbow/media/bytes';
import { bytesOf, type Endpoint, isSame, normalize } from './address.ts';
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

export type { Endpoint } from './address.ts';

/** User name fragment and password of one side, RFC 8445 5.3. */
export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** Options of a session. */
export interface IceOptions {
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  /** `controlling`: this side has made the offer, and sends checks to the candidates of the peer. */
  readonly role: 'lite' | 'controlling';
  /** Addresses of the peer; a lite agent takes them from the peer's checks. */
  readonly candidates: readonly Endpoint[];
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  /** A check was created; its response belongs to this session. @param transaction 12 bytes */
  readonly onCheck: (transaction: Uint8Array) => void;
  /**
   * The peer uses this address: it has proven there that it has the password. Called again with each message.
   */
  readonly onReachable: (endpoint: Endpoint) => void;
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
/** Without a response for this long there is no consent, ms; RFC 7675 5.1 allows 30 s. */
const CONSENT_LOST_MS = 15_000;
/** Addresses to which a peer may move that are remembered. */
const MAX_MOVES = 4;
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

/** An address to which the peer of a lite agent may move. */
interface Move {
  readonly check: Check;
  /** Its response has come. */
  isProven: boolean;
  /** The peer has nominated it. */
  isNominated: boolean;
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
  readonly #checks: Check[] = [];
  readonly #tieBreaker = randomBytes(8);
  #selected: Endpoint | undefined;
  /** Lite: the selected address was nominated. Controlling: the peer has answered the nomination. */
  #isNominated = false;
  /** Of a lite agent, the newest last. */
  readonly #moves: Move[] = [];
  /** Of a controlling agent: its nomination, then its checks for consent. */
  #consent: Check | undefined;
  #nowMs = 0;
  /** When the peer has answered a check for the last time, monotonic ms. */
  #answeredMs = 0;

  constructor(options: IceOptions) {
    this.#options = options;
    for (const endpoint of options.candidates) this.addCandidate(endpoint);
  }

  /** Where to send; undefined before a check has succeeded. */
  get selected(): Endpoint | undefined {
    return this.#selected;
  }

  /**
   * Whether the peer still answers the checks of this side; always true for a lite agent, which sends none.
   */
  get hasConsent(): boolean {
    return this.#consent === undefined || this.#nowMs - this.#answeredMs < CONSENT_LOST_MS;
  }

  /** Adds a candidate of the peer (trickle ICE, RFC 8838). Other addresses than IP are ignored. */
  addCandidate(candidate: Endpoint): void {
    if (this.#options.role === 'lite' || this.#checks.length >= MAX_CANDIDATES) return;
    const endpoint = normalize(candidate);
    if (!endpoint || this.#checks.some(({ endpoint: other }) => isSame(other, endpoint))) return;
    this.#checks.push(this.#createCheck(endpoint));
  }

  /**
   * Takes a message.
   *
   * @param from as `normalize` returns it
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
    this.#nowMs = nowMs;
    if (this.#options.role === 'lite') return;
    if (!this.#selected) {
      for (const check of this.#checks) this.#sendWhenDue(check, false);
      return;
    }
    if (!this.#consent) this.#answeredMs = nowMs;
    this.#consent ??= this.#createCheck(this.#selected);
    this.#sendWhenDue(this.#consent, true);
  }

  #createCheck(endpoint: Endpoint, dueMs = 0): Check {
    const transaction = randomBytes(12);
    this.#options.onCheck(transaction);
    return { endpoint, transaction, intervalMs: FIRST_CHECK_MS, dueMs };
  }

  #sendWhenDue(check: Check, isNominating: boolean): void {
    if (this.#nowMs < check.dueMs) return;
    this.#sendCheck(check, isNominating);
    check.dueMs = this.#nowMs + check.intervalMs;
    check.intervalMs = Math.min(2 * check.intervalMs, MAX_CHECK_MS);
  }

  #sendCheck({ endpoint, transaction }: Check, isNominating: boolean): void {
    const { local, remote, send, role } = this.#options;
    const attributes = new Map<number, Uint8Array>([
      [stunAttribute.username, new TextEncoder().encode(`${remote.ufrag}:${local.ufrag}`)],
      [role === 'lite' ? stunAttribute.iceControlled : stunAttribute.iceControlling, this.#tieBreaker],
      [stunAttribute.priority, u32(PRIORITY)],
    ]);
    if (isNominating) attributes.set(stunAttribute.useCandidate, new Uint8Array());
    send(printStun({ type: stunType.bindingRequest, transaction, attributes }, remote.password), endpoint);
  }

  #answer(message: StunMessage, from: Endpoint): boolean {
    const { local, remote, send, role, onReachable } = this.#options;
    const { transaction, attributes } = message;
    if (!hasIntegrity(message, local.password)) return false;
    const username = new TextDecoder().decode(attributes.get(stunAttribute.username));
    if (username !== `${local.ufrag}:${remote.ufrag}`) return false;
    // This side keeps its role: a lite agent never controls, and the other one has to. RFC 8445 7.3.1.1
    if (attributes.has(role === 'lite' ? stunAttribute.iceControlled : stunAttribute.iceControlling)) {
      const conflict = new Map([[stunAttribute.errorCode as number, printErrorCode(487, 'Role Conflict')]]);
      send(printStun({ type: stunType.bindingError, transaction, attributes: conflict }, local.password), from);
      return true;
    }
    const mapped = printXorAddress(bytesOf(from.address), from.port, transaction);
    const success = new Map([[stunAttribute.xorMappedAddress as number, mapped]]);
    send(printStun({ type: stunType.bindingSuccess, transaction, attributes: success }, local.password), from);
    onReachable(from);
    if (role === 'lite') this.#follow(from, attributes.has(stunAttribute.useCandidate));
    else if (!this.#selected) this.addCandidate(from); // a peer-reflexive candidate, RFC 8445 7.3.1.3
    return true;
  }

  /**
   * The peer of a lite agent has checked the path from an address. The first one is used at once: DTLS proves
   * it. A peer with the password could name a victim as its next address, so a change is checked from this
   * side too; all other agents answer checks, RFC 8445 7.3.
   */
  #follow(from: Endpoint, isNominated: boolean): void {
    if (!this.#selected || isSame(this.#selected, from)) {
      this.#isNominated ||= isNominated;
      this.#select(from);
      return;
    }
    if (!isNominated && this.#isNominated) return;
    const previous = this.#moves.find(({ check }) => isSame(check.endpoint, from));
    const move = previous ?? { check: this.#createCheck(from), isProven: false, isNominated };
    move.isNominated ||= isNominated;
    if (!previous && this.#moves.push(move) > MAX_MOVES) this.#moves.shift();
    if (move.isProven) this.#move(move);
    else this.#sendCheck(move.check, false);
  }

  #move({ check, isNominated }: Move): void {
    this.#isNominated ||= isNominated;
    this.#select(check.endpoint);
  }

  #succeed(message: StunMessage, from: Endpoint): boolean {
    const isAnswered = (check: Check) =>
      sameBytes(check.transaction, message.transaction) && isSame(check.endpoint, from);
    const isConsent = this.#consent !== undefined && isAnswered(this.#consent);
    const move = this.#moves.find(({ check }) => isAnswered(check));
    if (!isConsent && !move && !this.#checks.some(isAnswered)) return false;
    if (!hasIntegrity(message, this.#options.remote.password)) return false;
    this.#options.onReachable(from);
    if (isConsent) {
      this.#answeredMs = this.#nowMs;
      this.#consent = this.#createCheck(from, this.#nowMs + CONSENT_MS);
    } else if (move) {
      const isNew = !move.isProven;
      move.isProven = true;
      if (isNew && (move.isNominated || !this.#isNominated)) this.#move(move);
    } else if (!this.#selected) this.#select(from);
    return true;
  }

  #select(endpoint: Endpoint): void {
    if (this.#selected && isSame(this.#selected, endpoint)) return;
    this.#selected = endpoint;
    this.#options.onSelected(endpoint);
  }
}
