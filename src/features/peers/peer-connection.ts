/**
 * One WebSocket of a viewer who shares segments: its messages, its rate, and whether it is still there.
 * In: texts of the page. Out: members of swarms. RFC 6455.
 */
import { FormatError } from '@oxbow/media/errors';
import type { WebSocket } from 'ws';
import { type PeerMessage, parsePeerMessage } from './peer-message.ts';
import type { Member, Swarm } from './swarm.ts';

/** Renditions of a stream that a page plays at once: picture and sound, and those it has just left. */
const MOST_SWARMS = 4;
/** Messages that a connection may send at once, and in a second after that: many who arrive are answered. */
const MESSAGES = { burst: 60, perSecond: 3 } as const;
/**
 * Offers that a connection may have passed at once, and in a second after that: a page needs a handful, and
 * no one collects the addresses of an audience quickly.
 */
const OFFERS = { burst: 20, perSecond: 0.25 } as const;
/** A client that reads more slowly than this is disconnected, bytes that wait. */
const MOST_UNSENT = 512 * 1024;

/** Why a connection ends. Close codes of RFC 6455 7.4 and above 4000. */
export const closeCodes = {
  stopping: 1001,
  misuse: 4002,
  overload: 4009,
  'too-slow': 4008,
  off: 4004,
  lied: 4010,
  silent: 4011,
} as const;
/** See `closeCodes`. */
export type CloseReason = keyof typeof closeCodes;

/** What a connection uses of its host. */
export interface PeerHost {
  nowMs(): number;
  /** The swarm of a rendition of the stream; made if there is none. */
  swarmOf(stream: string, name: string): Swarm;
  /** A member left: an empty swarm is forgotten. */
  left(stream: string, name: string): void;
  /** Viewers of the stream still may share: the settings may have changed. */
  isOpen(stream: string): boolean;
  passed(kind: 'offer' | 'answer', count: number): void;
  received(stream: string, bytes: number): void;
  /** A viewer in one network has reported a viewer in another one. */
  lied(stream: string, liarNetwork: string, network: string): void;
  refused(code: string): void;
  closed(connection: PeerConnection): void;
}

/** Who it is. */
export interface PeerClient {
  readonly stream: string;
  /** Key of its rate limits: its IP address, or the /64. */
  readonly network: string;
  /** Takes offers from what its network may make. @returns how many of them there were */
  takeOffers(wanted: number): number;
}

/** Ends when the socket does, or when the page breaks the rules. */
export class PeerConnection {
  readonly stream: string;
  readonly network: string;
  readonly #host: PeerHost;
  readonly #socket: WebSocket;
  readonly #members = new Map<string, Member>();
  readonly #messages: Turns;
  readonly #offers: Turns;
  readonly #ofNetwork: PeerClient['takeOffers'];
  #answersPings = true;
  #isClosed = false;

  constructor(host: PeerHost, socket: WebSocket, { stream, network, takeOffers }: PeerClient) {
    this.stream = stream;
    this.network = network;
    this.#ofNetwork = takeOffers;
    this.#host = host;
    this.#socket = socket;
    this.#messages = new Turns(MESSAGES, () => host.nowMs());
    this.#offers = new Turns(OFFERS, () => host.nowMs());
    socket.on('error', () => {}); // its close is what counts
    socket.on('pong', () => {
      this.#answersPings = true;
    });
    socket.on('message', (bytes, isBinary) => this.#received(isBinary ? undefined : String(bytes)));
    socket.once('close', () => this.#leave());
  }

  /** Ends a connection that did not answer the last ping, and pings. */
  ping(): void {
    if (!this.#answersPings) this.close('silent');
    else {
      this.#answersPings = false;
      this.#socket.ping();
    }
  }

  /** Ends it. May be called twice. */
  close(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#leave();
    if (reason !== 'stopping' && reason !== 'off') this.#host.refused(reason);
    this.#socket.close(closeCodes[reason], reason);
    // A client that is gone does not answer the close frame.
    if (reason === 'silent' || reason === 'too-slow') this.#socket.terminate();
  }

  #leave(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const name of [...this.#members.keys()]) this.#stop(name);
    this.#host.closed(this);
  }

  #stop(name: string): void {
    const member = this.#members.get(name);
    if (!member) return;
    this.#members.delete(name);
    this.#host.swarmOf(this.stream, name).leave(member);
    this.#host.left(this.stream, name);
  }

  #received(text: string | undefined): void {
    if (this.#isClosed) return;
    const read = this.#read(text);
    if (typeof read === 'string') this.close(read);
    else if (read.kind === 'stopped') this.#stop(read.swarm);
    else this.#take(read);
  }

  /** The message, or why the connection ends. */
  #read(text: string | undefined): PeerMessage | CloseReason {
    if (this.#messages.take(1) === 0) return 'overload';
    if (!this.#host.isOpen(this.stream)) return 'off';
    if (text === undefined) return 'misuse';
    try {
      return parsePeerMessage(text);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return 'misuse';
    }
  }

  #take(message: Exclude<PeerMessage, { readonly kind: 'stopped' }>): void {
    const host = this.#host;
    const member = this.#memberOf(message);
    if (!member) return;
    const swarm = host.swarmOf(this.stream, message.swarm);
    switch (message.kind) {
      case 'announce':
        if (message.receivedBytes > 0) host.received(this.stream, message.receivedBytes);
        this.#announce(swarm, member, message.offers);
        return;
      case 'answer': {
        const isPassed = swarm.answer(member, message.to, { id: message.offer, answer: message.answer });
        if (isPassed) host.passed('answer', 1);
        else host.refused('no-offer');
        return;
      }
      case 'lie': {
        const liarNetwork = swarm.lied(member, message.liar);
        if (liarNetwork !== undefined) host.lied(this.stream, liarNetwork, this.network);
        return;
      }
    }
  }

  /** Offers beyond the rate are not passed; the page makes others later. */
  #announce(swarm: Swarm, member: Member, offers: Parameters<Swarm['announce']>[1]): void {
    const passed = offers.slice(0, this.#ofNetwork(this.#offers.take(offers.length)));
    if (passed.length < offers.length) this.#host.refused('offers');
    this.#host.passed('offer', swarm.announce(member, passed, this.#host.nowMs()));
  }

  /** The member of a swarm; undefined if it cannot be one. */
  #memberOf({ swarm: name, peer }: PeerMessage): Member | undefined {
    const before = this.#members.get(name);
    if (before?.peer === peer) return before;
    if (before || this.#members.size >= MOST_SWARMS) {
      this.close('misuse');
      return undefined;
    }
    const member: Member = { peer, network: this.network, send: (text) => this.#send(text) };
    if (!this.#host.swarmOf(this.stream, name).join(member)) {
      this.#host.refused('id-taken');
      return undefined;
    }
    this.#members.set(name, member);
    return member;
  }

  #send(text: string): void {
    if (this.#isClosed) return;
    if (this.#socket.bufferedAmount > MOST_UNSENT) this.close('too-slow');
    else this.#socket.send(text);
  }
}

/** A token bucket. */
class Turns {
  readonly #rate: { readonly burst: number; readonly perSecond: number };
  readonly #nowMs: () => number;
  #left: number;
  #atMs: number;

  constructor(rate: { readonly burst: number; readonly perSecond: number }, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
    this.#left = rate.burst;
    this.#atMs = nowMs();
  }

  /** Takes up to `count`. Returns how many there were. */
  take(count: number): number {
    const nowMs = this.#nowMs();
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = nowMs;
    const taken = Math.min(count, Math.floor(this.#left));
    this.#left -= taken;
    return taken;
  }
}
