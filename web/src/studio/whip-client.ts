/**
 * Publishes tracks of a browser over WHIP, and connects again after a loss until it is stopped.
 * In: an endpoint, a key, a video and a sound track. Out: a state after each change, figures of sent media.
 * RFC 9725.
 */
import { ApiError, type Failure } from '../api/client.ts';
import { pause } from '../api/poll.ts';
import { connected, lost, openSession } from '../webrtc/signaling.ts';
import { orderedCodecs, withStereo } from './codecs.ts';
import { readSent, type SentFigures, type SentReport } from './sent-figures.ts';

/** `connecting`: for the first time; `reconnecting`: after a loss; `ended`: stopped, or refused. */
export type WhipState = 'connecting' | 'live' | 'reconnecting' | 'ended';

/** What a publisher is created with. */
interface WhipOptions {
  /** Address of the endpoint. */
  readonly url: string;
  /** Bearer token. */
  readonly key: string;
  /** Null: only sound. */
  readonly video: MediaStreamTrack | null;
  /** Null: only a picture. */
  readonly audio: MediaStreamTrack | null;
  /** Most bits per second of the video. */
  readonly maxBitrate: number;
  /** @param failure why it was refused, or why the last attempt failed; null if neither */
  readonly onChange: (state: WhipState, failure: Failure | null) => void;
}

/** The browser has no codec that can be recorded. */
export const noCodec: Failure = { code: 'no-codec', status: 0, title: '', hint: '' };

/** Pauses between attempts double from the first to the last, ms. */
const [FIRST_PAUSE_MS, LAST_PAUSE_MS] = [500, 8_000];
/** After a loss these refusals are final; at the first attempt every failure is. */
const FINAL = new Set([
  'publish-denied',
  'publish-refused',
  'stream-unknown',
  'offer-refused',
  'webrtc-off',
  'no-codec',
]);

/** The pause before an attempt, ms. @param attempt since the last time it was live; from 0 */
export function pauseBefore(attempt: number): number {
  return Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}

/** One publisher; it publishes from its creation until `stop`. The tracks stay the caller's. */
export class WhipClient {
  readonly #options: WhipOptions;
  readonly #ends = new AbortController();
  readonly #running: Promise<void>;
  #video: MediaStreamTrack | null;
  #peer: RTCPeerConnection | null = null;
  #state: WhipState = 'connecting';
  #last: SentReport | null = null;

  constructor(options: WhipOptions) {
    this.#options = options;
    this.#video = options.video;
    this.#running = this.#run();
  }

  get state(): WhipState {
    return this.#state;
  }

  /** Sends another picture, without an interruption. */
  async replaceVideo(track: MediaStreamTrack | null): Promise<void> {
    this.#video = track;
    const sender = this.#peer?.getTransceivers().find(({ receiver }) => receiver.track.kind === 'video')?.sender;
    await sender?.replaceTrack(track);
  }

  /** The figures now; null while it is not connected. */
  async figures(): Promise<SentFigures | null> {
    if (this.#state !== 'live' || !this.#peer) return null;
    const reports = [...(await this.#peer.getStats()).values()] as Record<string, unknown>[];
    const read = readSent(reports, this.#last);
    this.#last = read.report;
    return read.figures;
  }

  /** Ends the session at the server, and the connection. May be called twice. */
  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ends;
    let wasLive = false;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const failure = await this.#publish(() => {
        wasLive = true;
        attempt = 0;
      });
      if (signal.aborted) break;
      if (failure && (!wasLive || FINAL.has(failure.code))) {
        this.#ends.abort();
        return this.#changed('ended', failure);
      }
      this.#changed('reconnecting', failure);
      await pause(pauseBefore(attempt), signal);
    }
    this.#changed('ended', null);
  }

  /**
   * Publishes until the connection is lost. Returns why it never was; null if it was, or the client was
   * stopped.
   */
  async #publish(onLive: () => void): Promise<Failure | null> {
    const { signal } = this.#ends;
    const { url, key } = this.#options;
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    try {
      this.#addTracks(peer);
      const session = await openSession(peer, { url, token: key, signal, adapt: withStereo });
      try {
        await this.#limit(peer);
        await connected(peer, signal);
        onLive();
        this.#changed('live', null);
        await lost(peer, signal);
        return null;
      } finally {
        await session.end();
      }
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof ApiError) return error.failure;
      throw error;
    } finally {
      this.#peer = null;
      this.#last = null;
      peer.close();
    }
  }

  #addTracks(peer: RTCPeerConnection): void {
    const { audio } = this.#options;
    const stream = new MediaStream();
    if (this.#video) {
      const video = peer.addTransceiver(this.#video, { direction: 'sendonly', streams: [stream] });
      const codecs = orderedCodecs(RTCRtpSender.getCapabilities('video')?.codecs ?? []);
      if (codecs.length === 0) throw new ApiError(noCodec);
      video.setCodecPreferences(codecs);
    }
    if (audio) peer.addTransceiver(audio, { direction: 'sendonly', streams: [stream] });
  }

  /**
   * A slow network gets fewer pictures, not smaller ones: each change of the size would begin another part of
   * the recording.
   */
  async #limit(peer: RTCPeerConnection): Promise<void> {
    for (const { sender } of peer.getTransceivers()) {
      if (sender.track?.kind !== 'video') continue;
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) encoding.maxBitrate = this.#options.maxBitrate;
      // A browser that refuses a parameter sends with its own limits.
      await sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' }).catch(() => {});
    }
  }

  #changed(state: WhipState, failure: Failure | null): void {
    this.#state = state;
    this.#options.onChange(state, failure);
  }
}
