/**
 * The media of one RTP sender, as its session description announces them: packets to frames of a stream.
 * In: RTP and RTCP packets with the index of their media, the time. Out: tracks and frames, or MPEG-TS
 * through a feed; RTCP for the sender. Opens no socket: used by RTP sessions, and for RTSP. RFC 3550,
 * RFC 5761 4 (RTCP among RTP), RFC 2250.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import type { Frame, Track } from '@oxbow/media/frame';
import { distinctLeftOut, type LeftOutTrack } from '@oxbow/media/left-out';
import { RtpDemuxer, type RtpDemuxerOptions } from '@oxbow/media/rtp/receive/rtp-demuxer';
import type { RtpTrackOptions } from '@oxbow/media/rtp/receive/track-input';
import { parseRtcp } from '@oxbow/media/rtp/rtcp';
import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { ticksToUs } from '@oxbow/media/run';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Clock } from '../../lib/clock.ts';
import { FEED_TICK_MS, TsFeed, type TsFeedOptions } from '../mpegts/ts-feed.ts';
import type { Publisher } from '../publisher.ts';

/** Interval of `tick`, ms. */
export const RTP_TICK_MS = 20;
/** MPEG-TS after a pause of this length may be that of another encoder, ms. */
const PAUSE_MS = 2000;
/** Packet types of RTCP, which may come among RTP; RFC 5761 4. */
const RTCP_TYPES = { first: 192, last: 223 } as const;

/** What a session is created with. */
export interface RtpSessionOptions {
  /** All media of the description; those that are not usable are ignored, and their indexes stay. */
  readonly media: readonly RtpMedia[];
  /** A publisher session, or the input of a pull: a run then begins when its first frame comes. */
  readonly input: TsFeedOptions['input'] & Partial<Pick<Publisher, 'leftOut'>>;
  readonly clock: Clock;
  readonly protocol: 'rtp' | 'rtsp' | 'whep';
  /** `live.assemblyDeadline`, for MPEG-TS, ms. */
  readonly assemblyMs: number;
  /** What takes the frames converts MPEG-2 video in MPEG-TS; otherwise it is left out. */
  readonly convertsVideo?: boolean | undefined;
  /** Media have separate RTCP connections; false where all share one. */
  readonly isSeparate: boolean;
  /**
   * Of WebRTC: names of the media by index, and ids of header extensions; RTCP may then be of reduced size
   * (RFC 5506).
   */
  readonly webRtc?: WebRtcSession | undefined;
  /** Called with the facts of the source when its tracks are known, and again when they change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
}

/** What WebRTC adds to RTP. */
export interface WebRtcSession extends Pick<RtpDemuxerOptions, 'transportExtension' | 'midExtension'> {
  readonly mids: readonly string[];
}

/** RTCP to send. */
interface OutgoingReport {
  /** Index of the media; the first usable one where all share a connection. */
  readonly mediaIndex: number;
  readonly packet: Uint8Array;
}

const NONE: readonly OutgoingReport[] = [];

/** Reads one sender. */
export class RtpSession {
  readonly #options: RtpSessionOptions;
  readonly #demuxer: RtpDemuxer;
  readonly #usable: readonly number[];
  #feed: TsFeed | undefined;
  #tracks: readonly Track[] = [];
  #begins = false;
  #frames = 0;
  #keyFrames = 0;
  #feedTickMs = 0;
  #packetMs = 0;
  #isPaused = true;

  /** @param options `media` should have a usable one, otherwise nothing is ever published */
  constructor(options: RtpSessionOptions) {
    this.#options = options;
    const { media, isSeparate, webRtc } = options;
    const { mids, ...extensions } = webRtc ?? { mids: [] };
    const isStream = media.some(({ isTransportStream }) => isTransportStream);
    const usable = media.flatMap((each, index) =>
      each.isUsable && (!isStream || each.isTransportStream) ? { each, index } : [],
    );
    this.#usable = usable.map(({ index }) => index);
    const tracks = usable.map(({ each, index }) => trackOf(each, index, mids[index]));
    this.#demuxer = new RtpDemuxer(
      {
        ssrc: randomBytes(4).readUInt32BE(),
        name: 'oxbow',
        tracks,
        isSeparate,
        ...extensions,
        reducedSize: webRtc !== undefined,
        bytes: (bytes) => this.#takeStream(bytes),
      },
      {
        tracks: (newTracks) => this.#begin(newTracks),
        frame: (frame) => this.#publish(frame),
        damage: (reason) => options.input.damage(reason),
        leftOut: (leftOutTracks) => this.#leaveOut(leftOutTracks),
      },
    );
    this.#leaveOut([]);
  }

  /** Video and audio frames so far. */
  get frames(): number {
    return this.#frames + (this.#feed?.frames ?? 0);
  }

  /** Key frames of video so far. */
  get keyFrames(): number {
    return this.#keyFrames;
  }

  /** Packets that came, were given up, were sent again, and were dropped as late or repeated. */
  get stats(): RtpDemuxer['stats'] {
    return this.#demuxer.stats;
  }

  /**
   * Takes an RTP packet, or RTCP on the same connection.
   *
   * @param mediaIndex of the `m=` line; undefined where all media share a port: payload types differ
   * @param packet may be kept, must not be changed afterwards; other data than RTP counts as damage
   * @throws FormatError if the sender announced MPEG-TS and sends something else; the session cannot be used
   *   again
   */
  receive(mediaIndex: number | undefined, packet: Uint8Array): void {
    const type = packet[1] ?? 0;
    if (type >= RTCP_TYPES.first && type <= RTCP_TYPES.last) {
      this.report(mediaIndex, packet);
      return;
    }
    if (mediaIndex !== undefined && !this.#usable.includes(mediaIndex)) return;
    this.#demuxer.push(packet, this.#options.clock.monotonicMs(), idOf(mediaIndex));
  }

  /** Takes a compound RTCP packet; a malformed one counts as damage. @param mediaIndex as for `receive` */
  report(mediaIndex: number | undefined, packet: Uint8Array): void {
    try {
      this.#demuxer.report(parseRtcp(packet), this.#options.clock.monotonicMs(), idOf(mediaIndex));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#options.input.damage(error.message);
    }
  }

  /**
   * Time passes; to be called every RTP_TICK_MS, or less often where packets cannot be lost.
   *
   * @returns RTCP to send to the sender
   * @throws FormatError as `receive`
   */
  tick(): readonly OutgoingReport[] {
    const { clock, isSeparate } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#demuxer.tick(nowMs);
    if (this.#feed) this.#tickFeed(this.#feed, nowMs);
    let reports: OutgoingReport[] | undefined;
    for (const mediaIndex of this.#usable) {
      for (const packet of this.#demuxer.feedback(nowMs, isSeparate ? idOf(mediaIndex) : undefined)) {
        reports ??= [];
        reports.push({ mediaIndex, packet });
      }
      if (!isSeparate) break;
    }
    return reports ?? NONE;
  }

  /** Requests a key frame with the next RTCP, if the description says that the sender takes such requests. */
  requestKeyFrame(): void {
    this.#demuxer.requestKeyFrame();
  }

  /** The sender has ended: publishes what waits. */
  end(): void {
    this.#demuxer.end();
    this.#feed?.end();
  }

  #begin(tracks: readonly Track[]): void {
    const { input, onFacts } = this.#options;
    this.#tracks = tracks;
    onFacts?.(this.#facts([]));
    if (input.startTracks) input.startTracks(tracks);
    else this.#begins = true;
  }

  #publish(frame: Frame): void {
    const { input, clock } = this.#options;
    if (this.#begins) {
      this.#begins = false;
      const { timescale } = this.#tracks.find(({ id }) => id === frame.trackId)!;
      const utcOffsetUs = Math.round(clock.nowMs() * 1000) - ticksToUs(frame.pts, timescale);
      const requestKeyFrame = () => this.requestKeyFrame();
      const run = { tracks: this.#tracks, utcOffsetUs, clock: 'arrival', requestKeyFrame } as const;
      input.startRun({ ...run, pace: { kind: 'continuous' } });
    }
    this.#frames++;
    if (frame.key && this.#tracks.some(({ id, kind }) => id === frame.trackId && kind === 'video')) this.#keyFrames++;
    input.publish(frame);
  }

  /** @param leftOutTracks while packets were read; those of the description are added */
  #leaveOut(leftOutTracks: readonly LeftOutTrack[]): void {
    const tracks = distinctLeftOut([...this.#options.media.flatMap(({ leftOut }) => leftOut), ...leftOutTracks]);
    if (tracks.length === 0 && leftOutTracks.length === 0 && this.#frames === 0) return;
    this.#options.input.leftOut?.(tracks);
    this.#options.onFacts?.(this.#facts(tracks));
  }

  #facts(leftOutTracks: readonly LeftOutTrack[]): SourceFacts {
    const { protocol, media } = this.#options;
    const leftOut = distinctLeftOut([...media.flatMap((each) => each.leftOut), ...leftOutTracks]);
    return {
      protocol,
      container: '',
      title: '',
      live: true,
      qualities: [],
      ...(leftOut.length > 0 && { leftOut }),
    };
  }

  #takeStream(bytes: Uint8Array): void {
    const { input, clock, protocol, assemblyMs, convertsVideo, onFacts } = this.#options;
    this.#packetMs = clock.monotonicMs();
    this.#isPaused = false;
    this.#feed ??= new TsFeed({
      input,
      clock,
      protocol,
      assemblyMs,
      convertsVideo,
      onFacts: (facts) => {
        input.leftOut?.(facts.leftOut ?? []);
        onFacts?.(facts);
      },
    });
    this.#feed.push(bytes);
  }

  #tickFeed(feed: TsFeed, nowMs: number): void {
    if (nowMs - this.#feedTickMs >= FEED_TICK_MS) {
      this.#feedTickMs = nowMs;
      feed.tick();
    }
    if (this.#isPaused || nowMs - this.#packetMs < PAUSE_MS) return;
    this.#isPaused = true;
    feed.interrupt();
  }
}

/** A media of a description as a track of the demuxer. @param index of the `m=` line; the id is one more */
export function trackOf(
  { kind, formats, sources, language }: RtpMedia,
  index: number,
  mid: string | undefined,
): RtpTrackOptions {
  const [first] = formats;
  return {
    id: index + 1,
    kind: kind === 'video' ? 'video' : 'audio',
    formats,
    sources,
    language,
    ...(mid !== undefined && { mid }),
    canRepeat: first?.feedback.includes('nack') ?? false,
    canRequestKey: first?.feedback.includes('nack pli') ?? false,
  };
}

/** Media by its index from 0, tracks by their id from 1. */
function idOf(mediaIndex: number | undefined): number | undefined {
  return mediaIndex === undefined ? undefined : mediaIndex + 1;
}
