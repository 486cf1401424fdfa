/**
 * Meets other viewers of one rendition, in place of the module `bittorrent-tracker` that the loader of
 * segments (p2p-media-loader-core) imports: the build names this file by that name.
 * In: introductions of the server. Out: connections for the loader, each once. docs/decisions/0126.
 */
import { type Introductions, introductionsAt, type SwarmClient, type TrackerMessage } from './introductions.ts';
import { PeerLink } from './peer-link.ts';

/** Connections of a page to other viewers. */
const MOST_PEERS = 8;
/** With this many the page makes no more offers, and only answers those of others. */
const ENOUGH_PEERS = 5;
/** Offers of one announcement. */
const MOST_OFFERS = 3;
/** An offer that is not answered within this is given up, ms. */
const OFFER_MS = 50_000;
/** The server says how often it wants to hear from a page, within these bounds, s. */
const INTERVAL_S = { least: 5, most: 120, usual: 20 } as const;

/** What the loader passes. */
interface ClientOptions {
  /** 20 bytes of ASCII. */
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  /** The address of the introductions. */
  readonly announce: readonly string[];
  readonly rtcConfig?: RTCConfiguration;
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const hexOf = (text: string) => [...text].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
const newId = () => String.fromCharCode(...crypto.getRandomValues(new Uint8Array(20)).map((byte) => 33 + (byte % 90)));

/** One swarm of the page. */
export default class TrackerClient implements SwarmClient {
  readonly name: string;
  readonly peerId: string;
  readonly #config: RTCConfiguration;
  readonly #introductions: Introductions | undefined;
  readonly #offers = new Map<string, PeerLink>();
  /** By the peer's id. */
  readonly #links = new Map<string, PeerLink>();
  #onPeer: (link: PeerLink) => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isDestroyed = false;

  constructor({ infoHash, peerId, announce, rtcConfig = {} }: ClientOptions) {
    this.name = textOf(infoHash);
    this.peerId = textOf(peerId);
    this.#config = rtcConfig;
    this.#introductions = introductionsAt(announce[0] ?? '');
  }

  /** Only `peer` occurs: a lost connection to the server is opened again without a word. */
  on(event: string, handler: (value: never) => void): void {
    if (event === 'peer') this.#onPeer = handler as (link: PeerLink) => void;
  }

  start(): void {
    this.#introductions?.join(this);
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.#introductions?.leave(this);
    // Where the player loads a list again, the next loader is in the same swarm by the same id.
    if (!this.#introductions?.has(this.name)) this.#send({ event: 'stopped' });
    for (const link of [...this.#offers.values(), ...this.#links.values()]) link.destroy();
  }

  /** Ids of the connected peers. */
  get connected(): readonly string[] {
    return [...this.#links].filter(([, { isConnected }]) => isConnected).map(([id]) => id);
  }

  /** Ends the connection to a peer for good, and reports it. */
  refuse(peer: string): void {
    this.#introductions?.refused.add(peer);
    this.#introductions?.send({ action: 'lie', info_hash: this.name, peer_id: this.peerId, to_peer_id: peer });
    const link = this.#links.get(peer);
    // Later: it is called while the loader ends a request of this connection, which it closes itself.
    setTimeout(() => link?.destroy());
  }

  /** See SwarmClient. */
  opened(): void {
    this.#announce([]);
  }

  /** See SwarmClient. */
  received(message: TrackerMessage): void {
    const { peer_id: peer, offer_id: id, offer, answer, complete, interval } = message;
    if (this.#isDestroyed) return;
    if (typeof peer === 'string' && typeof id === 'string') {
      if (offer) void this.#answer(peer, id, offer as RTCSessionDescriptionInit);
      else if (answer) void this.#accept(peer, id, answer as RTCSessionDescriptionInit);
      return;
    }
    if (typeof complete !== 'number') return;
    const { least, most, usual } = INTERVAL_S;
    const seconds = typeof interval === 'number' ? Math.min(most, Math.max(least, interval)) : usual;
    this.#announceIn(seconds);
    const wanted = Math.min(complete - 1, ENOUGH_PEERS) - this.#links.size - this.#offers.size;
    if (wanted > 0) void this.#offer(Math.min(MOST_OFFERS, wanted));
  }

  async #offer(count: number): Promise<void> {
    const made = Array.from({ length: count }, () => {
      const link = this.#open(true);
      const id = newId();
      if (!link) return null;
      this.#offers.set(id, link);
      setTimeout(() => {
        if (this.#offers.delete(id)) link.destroy();
      }, OFFER_MS);
      return { id, link };
    }).filter((each) => each !== null);
    const offers = await Promise.all(
      made.map(async ({ id, link }) => {
        const offer = await link.offer().catch(() => null);
        if (!offer) {
          this.#offers.delete(id);
          link.destroy();
        }
        return offer && { offer, offer_id: id };
      }),
    );
    const ready = offers.filter((offer) => offer !== null);
    if (!this.#isDestroyed && ready.length > 0) this.#announce(ready);
  }

  async #answer(peer: string, id: string, offer: RTCSessionDescriptionInit): Promise<void> {
    if (this.#links.has(peer) || this.#links.size >= MOST_PEERS || this.#isRefused(peer)) return;
    const link = this.#open(false);
    if (!link) return;
    this.#add(peer, link);
    try {
      const answer = await link.answer(offer);
      this.#send({ to_peer_id: peer, offer_id: id, answer });
    } catch {
      link.destroy(); // the description of a peer may be anything
    }
  }

  async #accept(peer: string, id: string, answer: RTCSessionDescriptionInit): Promise<void> {
    const link = this.#offers.get(id);
    if (!link) return;
    this.#offers.delete(id);
    if (this.#links.has(peer) || this.#links.size >= MOST_PEERS || this.#isRefused(peer)) return link.destroy();
    this.#add(peer, link);
    await link.accept(answer).catch(() => link.destroy());
  }

  #isRefused(peer: string): boolean {
    return peer === this.peerId || this.#introductions?.refused.has(peer) === true;
  }

  /** Null: the browser opens no more of them. */
  #open(initiator: boolean): PeerLink | null {
    try {
      return new PeerLink(this.#config, { initiator });
    } catch {
      return null; // the server has all segments
    }
  }

  #add(peer: string, link: PeerLink): void {
    link.id = hexOf(peer);
    this.#links.set(peer, link);
    link.on('close', () => {
      if (this.#links.get(peer) === link) this.#links.delete(peer);
    });
    // One that does not connect gives its place back.
    setTimeout(() => link.isConnected || link.destroy(), OFFER_MS);
    this.#onPeer(link);
  }

  #announceIn(seconds: number): void {
    clearTimeout(this.#timer);
    // Pages that came at the same moment do not stay in step.
    this.#timer = setTimeout(() => this.#announce([]), seconds * 1000 * (0.8 + 0.4 * Math.random()));
  }

  #announce(offers: readonly object[]): void {
    // Without an answer it is repeated: the server may not have noticed yet that a connection was lost.
    this.#announceIn(INTERVAL_S.usual);
    const downloaded = this.#introductions?.takeGained() ?? 0;
    this.#send({ numwant: offers.length, offers, downloaded });
  }

  #send(fields: object): void {
    const about = { action: 'announce', info_hash: this.name, peer_id: this.peerId };
    this.#introductions?.send(Object.assign(about, fields));
  }
}
