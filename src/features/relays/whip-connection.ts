/**
 * A relay to a WHIP target: another oxbow, a media server, a platform.
 * In: an address; runs and frames. Out: RTP over WebRTC, from a key frame on; sound that is not Opus is
 * converted. RFC 9725; docs/media.md 30.
 */

import { FormatError } from '@oxbow/media/errors';
import { trackName } from '@oxbow/media/flv/muxer-codecs';
import type { AudioTrack, Frame } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { type OpenOpusConversion, OpusAudio } from '@oxbow/media/rtp/send/opus-audio';
import { createPacketizer, type Packetizer } from '@oxbow/media/rtp/send/packetizer';
import { B_FRAMES, ReorderingWatch } from '@oxbow/media/rtp/send/reordering';
import { MediaSender, type SentTrack } from '@oxbow/wire/webrtc/media-sender';
import { connectWebRtc, type WebRtcClient } from '../../ingest/webrtc/client/client.ts';
import { OfferRefused } from '../../ingest/webrtc/client/signalling.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RunContext } from '../../live/sink.ts';
import type { Net } from '../../net/net.ts';
import type { ConnectRequest, RelayConnection } from './connection.ts';
import { acceptedTracks, offerTracks, type WhipOffer } from './whip-offer.ts';

/** A packet with its header, SRTP and IPv6 fits into 1,280 bytes. */
const MAX_PAYLOAD_BYTES = 1100;

/** Dependencies of WHIP besides the request. */
export interface WhipParts {
  readonly net: Pick<Net, 'fetch' | 'resolveHost'>;
  readonly clock: Clock;
  readonly openOpus: OpenOpusConversion;
}

/** Connects to a WHIP target, which takes media when this resolves. */
export async function connectWhipRelay(request: ConnectRequest, parts: WhipParts): Promise<RelayConnection> {
  const { target, context, signal } = request;
  const { url, key } = target.whip!;
  const offer = offerTracks(context.tracks);
  if (offer.tracks.length === 0) throw new OxbowError('unsupported-media', offer.reasons.join(' '));
  let tracks: readonly SentTrack[] = [];
  let relay: WhipRelay | undefined;
  try {
    const client = await connectWebRtc({
      // An administrator configured the target.
      net: parts.net,
      clock: parts.clock,
      url,
      key,
      trusted: true,
      signal,
      media: offer.tracks.map(({ media }) => media),
      onAnswer: (answer) => {
        tracks = acceptedTracks(offer, answer);
        if (tracks.length === 0) throw new OxbowError('unsupported-media', `The target takes no ${codecsOf(offer)}.`);
      },
      onPacket: () => {},
      onReport: (packet) => relay?.receive(packet),
    });
    relay = new WhipRelay(client, tracks, request, parts);
    return relay;
  } catch (error) {
    if (!(error instanceof OfferRefused)) throw error;
    throw new Error(`${target.host} ${error.message}`, { cause: error });
  }
}

class WhipRelay implements RelayConnection {
  /** Media begins with a key frame that is new: kept media would come late. */
  readonly takesBursts = false;
  readonly closed: Promise<string>;
  readonly #client: WebRtcClient;
  readonly #tracks: readonly SentTrack[];
  readonly #sender: MediaSender;
  readonly #opus: OpusAudio;
  readonly #end: (reason: string) => void;
  #packetizers: ReadonlyMap<number, Packetizer> = new Map();
  #reordering = new ReorderingWatch();
  #isOver = false;
  #lostFrames = 0;

  constructor(client: WebRtcClient, tracks: readonly SentTrack[], request: ConnectRequest, parts: WhipParts) {
    const { name, requestKeyFrame } = request;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#end = (reason) => {
      this.#isOver = true;
      resolve(reason);
    };
    void client.closed.then(this.#end);
    this.#client = client;
    this.#tracks = tracks;
    this.#opus = new OpusAudio(name, parts.openOpus, (frame) => this.#send(frame));
    this.#sender = new MediaSender({ peer: client.peer, tracks, clock: parts.clock, requestKeyFrame });
    this.#sender.begin();
  }

  get sentBytes(): number {
    return this.#sender.sentBytes;
  }

  get lostFrames(): number {
    return this.#lostFrames + this.#sender.droppedFrames;
  }

  /** Takes RTCP of the target. */
  receive(report: Uint8Array): void {
    if (!this.#isOver) this.#sender.receive(report);
  }

  startRun({ tracks, run, startUs }: RunContext): readonly LeftOutTrack[] {
    const packetizers = new Map<number, Packetizer>();
    const isSent = (id: number) => this.#tracks.some(({ trackId }) => trackId === id);
    const sound = tracks.find((track): track is AudioTrack => track.kind === 'audio' && isSent(track.id));
    const opus = this.#opus.startRun(sound);
    const sent = tracks.flatMap((track) => {
      const packetizer = isSent(track.id)
        ? createPacketizer(track === sound ? (opus ?? sound) : track, MAX_PAYLOAD_BYTES)
        : undefined;
      if (!packetizer || 'refused' in packetizer) return [];
      packetizers.set(track.id, packetizer);
      const { timescale } = track === sound ? (opus ?? sound) : track;
      return [{ id: track.id, timescale, encoding: packetizer.format.encoding }];
    });
    this.#packetizers = packetizers;
    this.#reordering = new ReorderingWatch();
    if (!this.#sender.startRun({ run, startUs, tracks: sent })) this.#end('the codecs of the stream have changed');
    return tracks.filter(({ id }) => !packetizers.has(id)).map(trackName);
  }

  write(frame: Frame): boolean {
    if (this.#isOver || this.#opus.write(frame)) return true;
    const isVideo = this.#tracks.some(({ trackId, kind }) => trackId === frame.trackId && kind === 'video');
    if (isVideo && this.#reordering.push(frame)) this.#end(`${B_FRAMES} Turn them off in the encoder.`);
    else this.#send(frame);
    return true;
  }

  /** Frames are dropped, not kept, when the network is slow. */
  async drained(): Promise<void> {}

  async close(): Promise<void> {
    this.#isOver = true;
    this.#opus[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
    await this.#client.close();
  }

  #send(frame: Frame): void {
    const packetizer = this.#packetizers.get(frame.trackId);
    if (!packetizer || this.#isOver) return;
    try {
      this.#sender.write(frame, packetizer.payloads(frame), false);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#lostFrames++; // a damaged frame
    }
  }
}

function codecsOf({ tracks }: WhipOffer): string {
  return tracks.map(({ media }) => media.formats[0]!.encoding).join(' or ');
}
