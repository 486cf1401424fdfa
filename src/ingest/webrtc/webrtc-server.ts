/**
 * The sessions of WebRTC on one UDP port.
 * In: offers of WHIP publishers and WHEP viewers, PublishAccess. Out: answers, publisher sessions, media;
 * metrics. docs/3-publish/whip.md, docs/4-watch/whep.md.
 */
import { randomBytes } from 'node:crypto';
import type { OpenOpusConversion } from '@oxbow/media/rtp/send/opus-audio';
import { type IceCandidate, parseCandidate } from '@oxbow/media/sdp/webrtc-description';
import { openWebRtcEndpoint, type WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { createIceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { IceServer, WebRtcAnswer, WebRtcApi, WebRtcRequest } from '../../api/realtime/webrtc-api.ts';
import type { Endpoint } from '../../config/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { ClientPlaces, publisherShare, undecidedBounds, viewerBounds } from '../client/client-places.ts';
import { addressOf } from '../client/remote-address.ts';
import type { LiveSource, PublishAccess } from '../publish-access.ts';
import { untilRefused } from '../viewer-access.ts';
import { acceptPublisher } from './accept-publisher.ts';
import { acceptViewer } from './accept-viewer.ts';
import { ViewerFeed } from './viewer-feed.ts';
import { readOffer, WebRtcTransport } from './webrtc-transport.ts';
import { WhepSession } from './whep-session.ts';
import { WhipSession } from './whip-session.ts';

/** Bytes of a session id: it is the secret that lets a client end its session. */
const ID_BYTES = 18;

/** What a server needs. */
interface WebRtcServerSetup {
  readonly access: PublishAccess;
  /** `webrtc` is `off`. */
  readonly isOff: boolean;
  /** `webrtcAddresses`: addresses that clients reach, instead of those of this computer. */
  readonly addresses: readonly string[];
  readonly maxSessions: number;
  /** `hls.segmentDuration`, ms: a key frame is requested of publishers this often. */
  readonly keyIntervalMs: number;
  /** Converts the sound of viewers to Opus. */
  readonly openOpus: OpenOpusConversion;
  /** The STUN and TURN servers that clients get now. */
  readonly iceServers: () => readonly IceServer[];
  /** Counts a viewer until the result is called. */
  readonly countViewer: (viewer: Pick<WebRtcRequest, 'name' | 'remote'> & { readonly id: string }) => () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** An open port. */
interface WebRtcPort {
  readonly port: number;
  /** Ends all sessions, and closes the port. May be called twice. */
  close(): Promise<void>;
}

/** A live stream must have a key frame within this time, ms. */
const LIVE_WITHIN_MS = 10_000;

/** A session, as the server ends it. */
interface OpenSession {
  readonly kind: 'whip' | 'whep';
  readonly name: string;
  /** ICE user name fragment of the client. */
  readonly ufrag: string;
  end(detail: string): void;
  /** The client ends it. */
  leave(): Promise<void>;
  addCandidate(candidate: IceCandidate): void;
}

/**
 * All sessions. While the port is not open every request is refused: `webrtc-off` if it stays so, otherwise
 * `not-ready`.
 */
export class WebRtcServer implements WebRtcApi {
  readonly #setup: WebRtcServerSetup;
  readonly #sessions = new Map<string, OpenSession>();
  /** One for each stream with viewers, and how many use it. */
  readonly #feeds = new Map<LiveSource, { readonly feed: ViewerFeed; users: number }>();
  readonly #viewers: ClientPlaces;
  readonly #undecided: ClientPlaces;
  #transport: WebRtcTransport | undefined;
  #isOff: boolean;
  /** Sessions that are being authorized. */
  #opening = 0;

  constructor(setup: WebRtcServerSetup) {
    this.#setup = setup;
    this.#isOff = setup.isOff;
    this.#viewers = new ClientPlaces(viewerBounds(setup.maxSessions));
    this.#undecided = new ClientPlaces(undecidedBounds(setup.maxSessions));
  }

  /**
   * Opens the port.
   *
   * @throws the error of the system if the port is in use or the address is not of this computer
   */
  async listen(listen: Endpoint): Promise<WebRtcPort> {
    const { clock, log, maxSessions } = this.#setup;
    const endpoint = await openWebRtcEndpoint({
      address: listen.address,
      port: listen.port,
      nowMs: clock.nowMs(),
      maxPeers: maxSessions,
      keptPeers: publisherShare(maxSessions),
      onError: (error) => log.debug({ error: messageOf(error) }, 'a WebRTC datagram was not sent'),
    }).catch((error) => {
      this.#isOff = true;
      throw error;
    });
    this.#transport = new WebRtcTransport(endpoint, listen.address, this.#setup.addresses);
    const uncount = this.#count(endpoint);
    return {
      port: endpoint.port,
      close: async () => {
        this.#transport = undefined;
        for (const session of [...this.#sessions.values()]) session.end('oxbow stops');
        await endpoint.close();
        uncount();
      },
    };
  }

  get iceServers(): readonly IceServer[] {
    return this.#setup.iceServers();
  }

  /** The port is not opened: by the settings, or because that failed. */
  get isOff(): boolean {
    return this.#isOff;
  }

  /**
   * The port.
   *
   * @throws OxbowError `webrtc-off`; `not-ready` while oxbow starts or stops, when clients try again
   */
  get transport(): WebRtcTransport {
    if (this.#transport) return this.#transport;
    if (this.#isOff) throw new OxbowError('webrtc-off', 'This server does not listen for WebRTC.');
    throw new OxbowError('not-ready', 'oxbow is starting or stopping.', { extra: { retryAfterSeconds: 1 } });
  }

  async publish(request: WebRtcRequest): Promise<WebRtcAnswer> {
    const { endpoint } = this.transport;
    const offer = readOffer(request.offer);
    const accepted = acceptPublisher(offer.media);
    const local = createIceCredentials();
    return this.#reserve(endpoint.hasRoom, this.#undecided, request, async (decided) => {
      const setup = { ...this.#setup, endpoint, offer, accepted, local };
      const session = await WhipSession.open(request, setup);
      decided();
      const id = this.#add(session, { kind: 'whip', name: request.name, ufrag: offer.ufrag });
      return { id, sdp: this.transport.print(accepted.media, request.reachedAt, { ...local, setup: session.setup }) };
    });
  }

  async play(request: WebRtcRequest, options: { readonly signal: AbortSignal }): Promise<WebRtcAnswer> {
    const { endpoint } = this.transport;
    const offer = readOffer(request.offer);
    const local = createIceCredentials();
    return this.#reserve(endpoint.hasSharedRoom, this.#viewers, request, async (left) => {
      const { name, key: token, remote, country, userAgent } = request;
      const connection = new AbortController();
      const asked = { protocol: 'whep', name, token, remote, country, userAgent, signal: connection.signal } as const;
      const source = await this.#setup.access.read(asked);
      const shared = this.#share(source, name);
      const leave = () => {
        connection.abort();
        shared[Symbol.dispose]();
      };
      try {
        const { feed } = shared;
        const signal = AbortSignal.any([options.signal, AbortSignal.timeout(LIVE_WITHIN_MS)]);
        const run = await feed.run({ signal }).catch((error) => {
          throw options.signal.aborted || error instanceof OxbowError ? error : notLive(name);
        });
        const accepted = acceptViewer(offer.media, run.tracks);
        const session = new WhepSession({ ...this.#setup, endpoint, offer, accepted, local, feed });
        const id = this.#add(session, { kind: 'whep', name, ufrag: offer.ufrag });
        const uncount = this.#setup.countViewer({ name, remote, id });
        void untilRefused(this.#setup.access, asked).then((refusal) => refusal !== undefined && session.end(refusal));
        void session.ended.then((reason) => {
          uncount();
          this.#setup.log.info({ stream: name, remote, reason }, 'a WHEP viewer has left');
          leave();
          left();
        });
        return { id, sdp: this.transport.print(accepted.media, request.reachedAt, { ...local, setup: session.setup }) };
      } catch (error) {
        leave();
        throw error;
      }
    });
  }

  async end(name: string, id: string): Promise<void> {
    await this.#find(name, id).leave();
  }

  trickle(name: string, id: string, fragment: string): void {
    const session = this.#find(name, id);
    const ufrag = /^a=ice-ufrag:(\S+)/m.exec(fragment)?.[1];
    if (ufrag !== undefined && ufrag !== session.ufrag) {
      throw new OxbowError('bad-offer', 'ICE cannot be restarted within a session.', {
        extra: { hint: 'End the session and open a new one.' },
      });
    }
    for (const [, value] of fragment.matchAll(/^a=candidate:(.*)$/gm)) {
      for (const candidate of parseCandidate(value!)) session.addCandidate(candidate);
    }
  }

  /** Sets the metrics of a port when they are read, until the result is called. */
  #count({ stats }: WebRtcEndpoint): () => void {
    const { metrics } = this.#setup;
    let counted = { ...stats };
    return metrics.beforeScrape(() => {
      const sessions = [...this.#sessions.values()];
      for (const kind of ['whip', 'whep'] as const) {
        metrics.webrtcSessions.set({ kind }, sessions.filter((each) => each.kind === kind).length);
      }
      for (const reason of ['stray', 'malformed'] as const) {
        metrics.webrtcIgnored.inc({ reason }, stats[reason] - counted[reason]);
      }
      counted = { ...stats };
    });
  }

  #find(name: string, id: string): OpenSession {
    const session = this.#sessions.get(id);
    if (session?.name === name) return session;
    throw new OxbowError('session-unknown', `There is no such session of the stream "${name.slice(0, 64)}".`);
  }

  /**
   * Opens a session if there may be another one.
   *
   * @param hasRoom of the port: calls in rooms have connections there too
   * @param open gets what leaves the place of the client; its error does so too
   */
  async #reserve<T>(
    hasRoom: boolean,
    places: ClientPlaces,
    { remote }: WebRtcRequest,
    open: (leave: () => void) => Promise<T>,
  ): Promise<T> {
    const { maxSessions } = this.#setup;
    const isFull = this.#sessions.size + this.#opening >= maxSessions || !hasRoom;
    const leave = isFull ? undefined : places.take(addressOf(remote));
    if (!leave) throw new OxbowError('webrtc-full', 'There are too many WebRTC sessions, of this address or in all.');
    this.#opening++;
    try {
      return await open(leave);
    } catch (error) {
      leave();
      throw error;
    } finally {
      this.#opening--;
    }
  }

  /** Keeps a session until it ends. */
  #add(
    session: Pick<OpenSession, 'end' | 'leave' | 'addCandidate'> & { readonly ended: Promise<unknown> },
    facts: Pick<OpenSession, 'kind' | 'name' | 'ufrag'>,
  ): string {
    const id = randomBytes(ID_BYTES).toString('base64url');
    this.#sessions.set(id, {
      ...facts,
      end: (detail) => session.end(detail),
      leave: () => session.leave(),
      addCandidate: (candidate) => session.addCandidate(candidate),
    });
    void session.ended.then(() => this.#sessions.delete(id));
    return id;
  }

  /** The feed of a stream, which is attached to it until all users have left. */
  #share(source: LiveSource, name: string): Disposable & { readonly feed: ViewerFeed } {
    const open = () => ({ feed: new ViewerFeed(source, name, this.#setup.openOpus), users: 0 });
    const shared = this.#feeds.get(source) ?? open();
    this.#feeds.set(source, shared);
    shared.users++;
    return {
      feed: shared.feed,
      [Symbol.dispose]: () => {
        shared.users--;
        if (shared.users > 0) return;
        this.#feeds.delete(source);
        shared.feed[Symbol.dispose]();
      },
    };
  }
}

function notLive(name: string): OxbowError {
  return new OxbowError('not-ready', `The stream "${name.slice(0, 64)}" is not live.`, {
    extra: { retryAfterSeconds: 5 },
  });
}
