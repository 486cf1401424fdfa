/**
 * One publisher over WHIP: its RTP becomes frames of a publisher session.
 * In: packets of a WebRTC peer. Out: tracks and frames; feedback to the peer: lost packets, key frames,
 * reports. docs/media.md 30.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { RtpDemuxer } from '@oxbow/media/rtp/receive/rtp-demuxer';
import { parseRtcp } from '@oxbow/media/rtp/rtcp';
import type { IceCandidate, WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import type { WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import type { IceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { Peer } from '@oxbow/wire/webrtc/peer';
import type { WebRtcRequest } from '../../api/realtime/webrtc-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { lateDatagrams } from '../late-datagrams.ts';
import { type LayerChoice, layerChoiceOf } from '../layer-choice.ts';
import { LayerQualities } from '../layer-qualities.ts';
import type { PublishAccess } from '../publish-access.ts';
import type { Publisher } from '../publisher.ts';
import { type AcceptedPublisher, extensionUri } from './accept-publisher.ts';

/** Interval of feedback and deadlines, ms. */
const TICK_MS = 20;

/** What a session needs. */
interface WhipSetup {
  readonly access: PublishAccess;
  readonly endpoint: WebRtcEndpoint;
  readonly offer: WebRtcDescription;
  readonly accepted: AcceptedPublisher;
  readonly local: IceCredentials;
  /** A key frame is requested when the last one is this old: the interval at which segments end, ms. */
  readonly keyIntervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A session from its offer to its end. */
export class WhipSession {
  /** Role in DTLS, as the answer says it. */
  readonly setup: 'active' | 'passive';
  /** Resolves when the session is over. */
  readonly ended: Promise<void>;
  readonly #setup: WhipSetup;
  readonly #publisher: Publisher;
  readonly #peer: Peer;
  readonly #demuxer: RtpDemuxer;
  /** Its layers that are not the picture of the stream. */
  readonly #layers: LayerQualities;
  readonly #timer: NodeJS.Timeout;
  readonly #onEnded: () => void;
  #keyFrameMs: number;

  private constructor(setup: WhipSetup, publisher: Publisher, connection: AbortController, choice: LayerChoice) {
    const { offer, endpoint, accepted, clock } = setup;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#setup = setup;
    this.#publisher = publisher;
    this.setup = offer.setup === 'passive' ? 'active' : 'passive';
    this.#keyFrameMs = clock.monotonicMs();
    this.#layers = new LayerQualities(publisher.connection.qualities, choice.takes);
    const onKey = () => {
      this.#keyFrameMs = clock.monotonicMs();
    };
    this.#demuxer = createDemuxer(accepted, publisher, { layers: this.#layers, choice, onKey });
    this.#peer = endpoint.openPeer({
      role: 'answer',
      dtls: this.setup === 'active' ? 'client' : 'server',
      local: setup.local,
      remote: offer,
      onConnected: () => setup.log.info({ remote: publisher.connection.remote }, 'a WHIP publisher is connected'),
      onPacket: (packet) => this.#guard(() => this.#receive(packet)),
      onReport: (packet) => this.#guard(() => this.#demuxer.report(parseRtcp(packet), clock.monotonicMs())),
      onClosed: (reason) => this.#close(reason ?? 'the publisher ended its session', reason === undefined),
    });
    this.#timer = setInterval(() => this.#guard(() => this.#tick()), TICK_MS);
    this.#onEnded = () => {
      clearInterval(this.#timer);
      this.#layers.close();
      this.#peer.close();
      connection.abort();
      resolve();
    };
    publisher.signal.addEventListener('abort', this.#onEnded, { once: true });
    if (publisher.signal.aborted) this.#onEnded();
  }

  /**
   * Authorizes the publisher and opens its connection.
   *
   * @throws OxbowError as PublishAccess, `webrtc-full`
   */
  static async open({ name, key, remote, userAgent }: WebRtcRequest, setup: WhipSetup): Promise<WhipSession> {
    const connection = new AbortController();
    let session: WhipSession | undefined;
    let choice = layerChoiceOf({});
    const publisher = await setup.access.publish({
      protocol: 'whip',
      name,
      key,
      remote,
      userAgent,
      signal: connection.signal,
      requestKeyFrame: () => session?.requestKeyFrame(),
      onStream: (settings) => {
        choice = layerChoiceOf(settings);
      },
    });
    try {
      session = new WhipSession(setup, publisher, connection, choice);
    } catch (error) {
      publisher.close('the connection could not be opened');
      throw error;
    }
    return session;
  }

  /** Asks the publisher for a key frame. */
  requestKeyFrame(): void {
    this.#demuxer.requestKeyFrame();
  }

  /** Adds a candidate of the client (trickle ICE). */
  addCandidate(candidate: IceCandidate): void {
    this.#peer.addCandidate(candidate);
  }

  /** Ends the session in order, at once. @param detail shown to viewers */
  end(detail: string): void {
    this.#close(detail, true);
  }

  /** The client ends the session: packets already sent are still read. */
  async leave(): Promise<void> {
    await Promise.race([lateDatagrams(() => this.#peer.stats.bytesIn), this.ended]);
    this.end('the client ended its session');
  }

  #receive(datagram: Uint8Array): void {
    this.#demuxer.push(datagram, this.#setup.clock.monotonicMs());
  }

  #tick(): void {
    const nowMs = this.#setup.clock.monotonicMs();
    this.#demuxer.tick(nowMs);
    if (!this.#peer.isConnected) return;
    if (nowMs - this.#keyFrameMs >= this.#setup.keyIntervalMs) {
      this.#keyFrameMs = nowMs;
      this.#demuxer.requestKeyFrame();
    }
    for (const packet of this.#demuxer.feedback(nowMs)) this.#peer.sendReport(packet);
    this.#count();
  }

  #count(): void {
    const { stats } = this.#publisher.connection;
    const { packets, lost, retransmitted, dropped } = this.#demuxer.stats;
    Object.assign(stats, { bytesIn: this.#peer.stats.bytesIn, packets, lost, retransmitted, dropped });
  }

  #close(detail: string, isOver: boolean): void {
    if (this.#publisher.signal.aborted) return;
    this.#guard(() => this.#demuxer.end());
    this.#publisher.connection.isOver = isOver;
    this.#publisher.close(detail);
  }

  /** Malformed packets count as damage; a bug ends this publisher, not the process. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof FormatError) this.#publisher.damage(error.message);
      else {
        this.#setup.log.error({ error: messageOf(error), stack: (error as Error).stack }, 'a WHIP publisher failed');
        this.#publisher.close('its media could not be read', new OxbowError('not-ready', sentenceOf(error)));
      }
    }
  }
}

/** What reads the packets. @param onKey called for each key frame of the video */
function createDemuxer(
  { media, tracks }: AcceptedPublisher,
  publisher: Publisher,
  { layers, choice, onKey }: { layers: LayerQualities; choice: LayerChoice; onKey: () => void },
): RtpDemuxer {
  const extensions = new Map(media.flatMap((each) => (each.isRejected ? [] : [...each.extensions])));
  const [transport, mid] = [extensions.get(extensionUri.transport), extensions.get(extensionUri.mid)];
  const rid = extensions.get(extensionUri.rid);
  const videoId = tracks.findIndex(({ kind }) => kind === 'video') + 1;
  const options = {
    ssrc: randomBytes(4).readUInt32BE(),
    name: 'oxbow',
    reducedSize: true,
    layerRank: choice.rank,
    tracks: tracks.flatMap(({ kind, format, repair, source, mid: name, layers: rids }, index) => {
      const track = {
        id: index + 1,
        kind,
        mid: name,
        canRepeat: format.feedback.includes('nack'),
        formats: repair ? [format, repair] : [format],
        canRequestKey: format.feedback.includes('nack pli'),
      };
      if (rids.length > 0) return rids.map((each) => Object.assign({ rid: each }, track));
      return [source === undefined ? track : Object.assign({ sources: [source] }, track)];
    }),
    ...(transport !== undefined && { transportExtension: transport }),
    ...(mid !== undefined && { midExtension: mid }),
    ...(rid !== undefined && { layerExtensions: { rid, repaired: extensions.get(extensionUri.repaired) } }),
  };
  return new RtpDemuxer(options, {
    tracks: (newTracks) => publisher.startTracks(newTracks),
    frame(frame) {
      if (frame.key && frame.trackId === videoId) onKey();
      publisher.publish(frame);
    },
    damage: (reason) => publisher.damage(reason),
    leftOut: (leftOutTracks) => publisher.leftOut(leftOutTracks),
    layers,
  });
}
