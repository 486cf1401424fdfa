/**
 * The RTP payloads of one live stream, made once for all of its WHEP viewers.
 * In: frames of live/stream. Out: payloads to each viewer, from the newest key frame on; sound that is not
 * Opus is converted. docs/media.md 30.
 */

import { FormatError } from '@oxbow/media/errors';
import type { AudioTrack, Frame, Track } from '@oxbow/media/frame';
import { type OpenOpusConversion, OpusAudio } from '@oxbow/media/rtp/send/opus-audio';
import { createPacketizer, type Packetizer } from '@oxbow/media/rtp/send/packetizer';
import { B_FRAMES, ReorderingWatch } from '@oxbow/media/rtp/send/reordering';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RunContext, Sink } from '../../live/sink.ts';
import type { LiveSource } from '../publish-access.ts';

/** A packet with its header, SRTP and IPv6 fits into 1,280 bytes. */
const MAX_PAYLOAD_BYTES = 1100;
/** Bounds of the frames since the newest key frame, which a viewer that joins gets first. */
const MAX_GOP_FRAMES = 2000;
const MAX_GOP_BYTES = 8 * 1024 * 1024;

/**
 * B-frames come right after a key frame: this many pictures show whether there are any, or as many as come in
 * this time, ms.
 */
const EXAMINED_FRAMES = 4;
const EXAMINED_WITHIN_MS = 250;

/** A track as viewers can get it. */
export interface FeedTrack {
  readonly id: number;
  readonly kind: Track['kind'];
  readonly timescale: number;
  /** Undefined: viewers cannot get it. */
  readonly packetizer: Packetizer | undefined;
  /** Why they cannot. */
  readonly refused: string | undefined;
}

/** A run as viewers get it. */
export interface FeedRun {
  readonly context: RunContext;
  readonly tracks: readonly FeedTrack[];
}

/** A viewer. Calls must not wait, and must not throw. */
export interface FeedViewer {
  startRun(run: FeedRun): void;
  /** @param isPast the frame was received before the viewer joined */
  write(frame: Frame, payloads: readonly Uint8Array[], isPast: boolean): void;
  /** No frame follows. @param reason for a person */
  end(reason: string): void;
}

interface Packed {
  readonly frame: Frame;
  readonly payloads: readonly Uint8Array[];
}

/** The feed of one stream. It is attached to the stream as long as it has viewers. */
export class ViewerFeed implements Sink {
  readonly #source: LiveSource;
  readonly #viewers = new Set<FeedViewer>();
  readonly #started: (() => void)[] = [];
  readonly #attachment: Disposable;
  readonly #opus: OpusAudio;
  #run: FeedRun | undefined;
  #gop: Packed[] = [];
  #gopBytes = 0;
  #reordering = new ReorderingWatch();
  #isOver = false;
  #hasBFrames = false;
  /** Pictures of the run that were examined for B-frames. */
  #examined = 0;
  readonly #examination = Promise.withResolvers<void>();

  /** @param name of the stream */
  constructor(source: LiveSource, name: string, openOpus: OpenOpusConversion) {
    this.#source = source;
    this.#opus = new OpusAudio(name, openOpus, (frame) => this.#deliver(frame));
    this.#attachment = source.attach(this, { name: 'whep', fromKeyFrame: true });
  }

  /** Detaches it from the stream, and ends the conversion. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#opus[Symbol.dispose]();
    this.#attachment[Symbol.dispose]();
  }

  /**
   * The current run, or the next one, once its first pictures show no B-frames.
   *
   * @throws the signal's reason; OxbowError `not-ready` if the stream ends, `offer-refused` if it has
   *   B-frames
   */
  async run({ signal }: { signal: AbortSignal }): Promise<FeedRun> {
    while (!this.#run) {
      signal.throwIfAborted();
      if (this.#isOver) throw new OxbowError('not-ready', 'The stream has ended.');
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#started.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
    if (this.#run.tracks.some(({ kind, packetizer }) => kind === 'video' && packetizer)) await this.#examine(signal);
    if (!this.#hasBFrames) return this.#run;
    throw new OxbowError('offer-refused', B_FRAMES, {
      extra: { hint: 'Turn them off in the encoder, or watch over HLS: /live/NAME/index.m3u8.' },
    });
  }

  async #examine(signal: AbortSignal): Promise<void> {
    if (this.#hasBFrames || this.#examined >= EXAMINED_FRAMES) return;
    const timer = new AbortController();
    const late = sleep(EXAMINED_WITHIN_MS, { signal: AbortSignal.any([signal, timer.signal]) }).catch(() => {});
    await Promise.race([this.#examination.promise, late]);
    timer.abort();
    signal.throwIfAborted();
  }

  /** Adds a viewer: it gets the frames since the newest key frame at once. */
  add(viewer: FeedViewer): void {
    this.#viewers.add(viewer);
    if (!this.#run) return;
    viewer.startRun(this.#run);
    for (const { frame, payloads } of this.#gop) viewer.write(frame, payloads, true);
  }

  /** Removes a viewer. */
  remove(viewer: FeedViewer): void {
    this.#viewers.delete(viewer);
  }

  /** Asks the publisher for a key frame, where that is possible. */
  requestKeyFrame(): void {
    this.#source.requestKeyFrame();
  }

  startRun(context: RunContext): void {
    if (context.soft && this.#run) return;
    // Viewers get the first audio track.
    const sound = context.tracks.find((track): track is AudioTrack => track.kind === 'audio');
    const opus = this.#isOver ? undefined : this.#opus.startRun(sound);
    const tracks = context.tracks.map((track) => feedTrack(opus && track.id === opus.id ? opus : track));
    this.#run = { context, tracks };
    this.#forget();
    this.#reordering = new ReorderingWatch();
    for (const viewer of this.#viewers) viewer.startRun(this.#run);
    for (const started of this.#started.splice(0)) started();
  }

  write(frame: Frame): void {
    if (this.#opus.write(frame)) return;
    const { reference } = this.#run!.context;
    const track = this.#run!.tracks.find(({ id }) => id === frame.trackId);
    if (!track?.packetizer) return;
    if (track.kind === 'video') {
      this.#hasBFrames = this.#reordering.push(frame);
      if (this.#hasBFrames || ++this.#examined >= EXAMINED_FRAMES) this.#examination.resolve();
      if (this.#hasBFrames) {
        this.#end(`${B_FRAMES} Turn them off in the encoder, or watch over HLS.`);
        return;
      }
    }
    const payloads = pack(track.packetizer, frame);
    if (frame.key && frame.trackId === reference.id) this.#forget();
    this.#keep({ frame, payloads });
    for (const viewer of this.#viewers) viewer.write(frame, payloads, false);
  }

  flush(): void {}

  endRun(): void {}

  damage(): void {}

  detached(): void {
    this.#end('the stream has ended');
  }

  /** Sends a converted frame. It is not kept: the sound of the past is not sent. */
  #deliver(frame: Frame): void {
    const packetizer = this.#run?.tracks.find(({ id }) => id === frame.trackId)?.packetizer;
    if (!packetizer || this.#isOver) return;
    const payloads = pack(packetizer, frame);
    for (const viewer of this.#viewers) viewer.write(frame, payloads, false);
  }

  #end(reason: string): void {
    this.#isOver = true;
    this.#opus[Symbol.dispose]();
    for (const viewer of [...this.#viewers]) viewer.end(reason);
    for (const started of this.#started.splice(0)) started();
  }

  #forget(): void {
    this.#gop = [];
    this.#gopBytes = 0;
  }

  #keep(packed: Packed): void {
    this.#gop.push(packed);
    this.#gopBytes += packed.frame.data.length;
    // Of a longer GOP nothing is kept: viewers wait for the next key frame.
    if (this.#gop.length > MAX_GOP_FRAMES || this.#gopBytes > MAX_GOP_BYTES) this.#forget();
  }
}

function feedTrack(track: Track): FeedTrack {
  const { id, kind, timescale } = track;
  const packetizer = createPacketizer(track, MAX_PAYLOAD_BYTES);
  if ('refused' in packetizer) return { id, kind, timescale, packetizer: undefined, refused: packetizer.refused };
  return { id, kind, timescale, packetizer, refused: undefined };
}

/** The payloads of a frame; none of one that is damaged. */
function pack(packetizer: Packetizer, frame: Frame): readonly Uint8Array[] {
  try {
    return packetizer.payloads(frame);
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}
