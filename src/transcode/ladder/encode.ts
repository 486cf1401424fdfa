/**
 * Jobs of kind `encode`: a piece of the video of an asset in all rungs, or one audio track.
 * In: the original, a job of encode-job.ts. Out: chunk files `{rendition}/{first MSN}.mp4`; counts.
 */
import { availableParallelism } from 'node:os';
import { earlierClockStartUs } from '@oxbow/media/asset-time';
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { openTemporaryStore, type TemporaryStore } from '../../archive/temporary-store.ts';
import type { Encoders } from '../../ffmpeg/encoders/encoder-pool.ts';
import { encodeLadder, type LadderProcessLimits } from '../../ffmpeg/ladder.ts';
import type { EncoderFailure, LadderCounts, LadderOptions } from '../../ffmpeg/ladder-options.ts';
import type { StreamInput } from '../../ffmpeg/stream-input.ts';
import type { JobInput, WorkerContext, WorkerHandler } from '../../jobs/worker-job.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { EncodeAudio, EncodeJobInput, EncodeJobResult } from './encode-job.ts';
import { JobEncoders } from './job-encoders.ts';
import { measure } from './measure.ts';
import { RenditionWriter } from './rendition-writer.ts';
import { SegmentCutter } from './segment-cutter.ts';

/** Encoded media that waits for the disk and the network: beyond that, the encoder gets no input. Bytes. */
const MAX_WAITING_BYTES = 48 * 1024 * 1024;
/** Normalized audio stays so far below full scale, dBTP. */
const PEAK_DB = -1;
/** Less than this cannot be heard. dB */
const LEAST_GAIN_DB = 0.1;
/** Quieter than this there is no programme to measure, only silence. LUFS */
const SILENCE_LUFS = -60;

/** A device that returns nothing for this long while its process works is hung, ms. */
const DEVICE_STALL_MS = 4000;
/** Devices that a piece is tried on before software encodes it. */
const MAX_TRIES = 4;

/** Options of {@link encodeHandler}. */
export interface EncodeHandlerOptions {
  /** Default: all cores. */
  readonly threads?: number;
  readonly limits?: LadderProcessLimits;
  /** The hardware encoders of this machine. Default: none. */
  readonly encoders?: Encoders;
  /** Most time of a measurement, as a share of that of the encode; default a tenth. Tests may raise it. */
  readonly measureShare?: number;
}

/**
 * The handler of jobs of kind `encode`. A piece whose hardware encoder fails is encoded again on another one,
 * or in software.
 */
export function encodeHandler(options: EncodeHandlerOptions = {}): WorkerHandler {
  const { threads = availableParallelism(), limits = {}, encoders, measureShare } = options;
  return async (job, context): Promise<EncodeJobResult> => {
    const input = job.input as EncodeJobInput;
    const { signal } = context;
    const original = await context.input('original');
    const { media } = input;
    if (media.kind === 'measure')
      return await measure({ input, media, original, context, threads, limits, maxShare: measureShare });
    if (media.kind === 'look') return await look(input, original, context, { threads, limits });
    const failed: string[] = [];
    for (let tried = 0; ; tried++) {
      using devices = await JobEncoders.take(input, tried < MAX_TRIES && !input.software ? encoders : undefined, {
        signal,
      });
      const deviceLimits = devices.areUsed ? { ...limits, deviceStallMs: DEVICE_STALL_MS } : limits;
      try {
        await using encode = await Encode.open(devices.input, original, context, {
          threads,
          limits: deviceLimits,
          devices,
        });
        const result = await encode.run();
        return failed.length === 0 ? result : { ...result, counts: { ...result.counts, fallbacks: failed } };
      } catch (error) {
        const isEngine = error instanceof OxbowError && error.code === 'engine-failed';
        if (signal.aborted || !isEngine || !devices.areUsed) throw error;
        failed.push(...devices.failed(messageOf(error)));
      }
    }
  };
}

/** The bits of a piece at constant quality. */
async function look(
  input: EncodeJobInput,
  original: JobInput,
  { signal, progress }: WorkerContext,
  { threads, limits }: EncodeLimits,
): Promise<EncodeJobResult> {
  let bytes = 0;
  const output = {
    track: () => {},
    frame: ({ data }: Frame) => {
      bytes += data.length;
    },
    ready: () => Promise.resolve(),
  };
  const counts = await encodeLadder(ladderOptions(input, { threads, gainDb: 0 }), bytesOf(original, signal), output, {
    signal,
    limits,
  });
  progress(1);
  return { chunks: [], counts, bytes };
}

/** Limits of one job. */
interface EncodeLimits extends Required<Pick<EncodeHandlerOptions, 'threads' | 'limits'>> {
  readonly devices?: JobEncoders;
}

/** One job. */
class Encode implements AsyncDisposable {
  readonly #input: EncodeJobInput;
  readonly #original: JobInput;
  readonly #context: WorkerContext;
  readonly #options: EncodeLimits;
  readonly #temporary: TemporaryStore;
  readonly #writers: RenditionWriter[] = [];
  readonly #cutters = new Map<number, SegmentCutter>();
  readonly #timescales = new Map<number, number>();
  readonly #shares: Record<string, number> = {};

  private constructor(
    input: EncodeJobInput,
    original: JobInput,
    context: WorkerContext,
    { options, temporary }: { readonly options: EncodeLimits; readonly temporary: TemporaryStore },
  ) {
    this.#input = input;
    this.#original = original;
    this.#context = context;
    this.#options = options;
    this.#temporary = temporary;
    for (const { id } of input.media.renditions) this.#shares[id] = 0;
  }

  static async open(
    input: EncodeJobInput,
    original: JobInput,
    context: WorkerContext,
    options: EncodeLimits,
  ): Promise<Encode> {
    return new Encode(input, original, context, { options, temporary: await openTemporaryStore() });
  }

  async run(): Promise<EncodeJobResult> {
    const { media } = this.#input;
    const gainDb =
      media.kind === 'audio' && media.loudness !== undefined ? await this.#gainOf(media, media.loudness) : 0;
    const counts = await this.#encode(gainDb);
    for (const { id } of media.renditions) {
      if (this.#cutters.size < media.renditions.length) throw new OxbowError('engine-failed', `${id} has no media.`);
    }
    for (const cutter of this.#cutters.values()) cutter.finish();
    for (const writer of this.#writers) await writer.finish();
    this.#context.progress(1, Object.fromEntries(Object.keys(this.#shares).map((id) => [id, 1])));
    return { chunks: this.#writers.flatMap(({ chunks }) => chunks), counts };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const writer of this.#writers) await writer[Symbol.asyncDispose]();
    await this.#temporary[Symbol.asyncDispose]();
  }

  #encode(gainDb: number): Promise<LadderCounts> {
    const { signal } = this.#context;
    const output = {
      track: (track: Track) => this.#addTrack(track),
      frame: (frame: Parameters<SegmentCutter['push']>[0]) => {
        this.#cutters.get(frame.trackId)!.push(frame);
        this.#report(frame.trackId, frame.pts);
      },
      ready: () => this.#ready(),
      encoderFailed: (failure: EncoderFailure) => this.#options.devices?.note(failure),
    };
    const { threads } = this.#options;
    const options = ladderOptions(this.#input, { threads, gainDb });
    return encodeLadder(options, bytesOf(this.#original, signal), output, { signal, limits: this.#options.limits });
  }

  #addTrack(track: Track): void {
    const { assetId, endUs, media, clockStartUs = earlierClockStartUs } = this.#input;
    const output = media.renditions.find(({ trackId }) => trackId === track.id);
    if (!output) throw new OxbowError('engine-failed', `The encoder returned an unknown track ${track.id}.`);
    const rendition = output.id;
    const writer = new RenditionWriter({
      store: this.#temporary.store,
      context: this.#context,
      assetId,
      rendition,
      track,
      clockStartUs,
    });
    this.#writers.push(writer);
    this.#timescales.set(track.id, track.timescale);
    const nextUs = media.kind === 'video' ? media.nextUs : undefined;
    this.#cutters.set(
      track.id,
      new SegmentCutter({
        track,
        rendition,
        clockStartUs,
        cuts: media.cuts,
        endUs: nextUs ?? endUs,
        isContinued: nextUs !== undefined,
        firstMsn: media.kind === 'video' ? media.firstMsn : 1,
        deliver: (segment) => writer.push(segment),
      }),
    );
  }

  async #ready(): Promise<void> {
    const waiting = this.#writers.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
    if (waiting > MAX_WAITING_BYTES) await Promise.all(this.#writers.map(({ written }) => written));
  }

  #report(trackId: number, pts: number): void {
    const { media, endUs, clockStartUs = earlierClockStartUs } = this.#input;
    const id = media.renditions.find((rendition) => rendition.trackId === trackId)!.id;
    const start = media.cuts[0]!;
    const end = media.kind === 'video' && media.nextUs !== undefined ? media.nextUs : endUs;
    const at = ticksToUs(pts, this.#timescales.get(trackId)!) - clockStartUs;
    const share = Math.min(0.999, Math.max(0, (at - start) / Math.max(1, end - start)));
    if (share - this.#shares[id]! < 0.005) return;
    this.#shares[id] = share;
    const shares = Object.values(this.#shares);
    this.#context.progress(shares.reduce((sum, part) => sum + part, 0) / shares.length, { ...this.#shares });
  }

  /** Measures first: normalization is one gain for the whole track. */
  async #gainOf(media: EncodeAudio, target: number): Promise<number> {
    const { threads } = this.#options;
    const options = ladderOptions(this.#input, { threads, gainDb: 0 });
    const nothing = { track: () => {}, frame: () => {}, ready: () => Promise.resolve() };
    const { signal } = this.#context;
    const measuring = { ...options, media: { ...media, renditions: [], gainDb: 0 } };
    const { loudness } = await encodeLadder(measuring, bytesOf(this.#original, signal), nothing, {
      signal,
      limits: this.#options.limits,
    });
    if (!loudness || !(loudness.integrated > SILENCE_LUFS)) return 0;
    const gain = Math.min(target - loudness.integrated, PEAK_DB - loudness.peak);
    return Math.abs(gain) < LEAST_GAIN_DB ? 0 : gain;
  }
}

/** The original for the encoder. */
function bytesOf(original: JobInput, signal: AbortSignal): StreamInput {
  return { length: original.length, read: (offset, count) => original.read(offset, count, { signal }) };
}

/** The options of the encoder. */
function ladderOptions(
  { originUs, endUs, media, clockStartUs = earlierClockStartUs, joined }: EncodeJobInput,
  { threads, gainDb }: { readonly threads: number; readonly gainDb: number },
): LadderOptions {
  const start = { originUs, clockStartUs, cuts: media.cuts, mediaEndUs: endUs, ...(joined && { joined }) };
  if (media.kind === 'measure') throw new Error('a measurement makes no renditions');
  if (media.kind === 'audio') return { media: { ...media, gainDb }, times: { ...start, endUs }, threads };
  const { stream, picture, renditions, nextUs } = media;
  const times = nextUs === undefined ? start : { ...start, endUs: nextUs };
  return { media: { kind: 'video', stream, picture, renditions }, times, threads };
}
