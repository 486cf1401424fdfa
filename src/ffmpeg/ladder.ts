/**
 * Encodes a ladder in a separate process: a range of a video in all rungs, or one audio track.
 * In: options, bytes at any position. Out: tracks and frames in decode order, then the counts.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { openChild } from './child-process.ts';
import {
  type Answer,
  messageKinds,
  parseAnswer,
  parseFrame,
  parseJson,
  parseTracks,
  printMessage,
} from './frame-protocol.ts';
import { type EncoderFailure, type LadderCounts, type LadderOptions, ladderLimits } from './ladder-options.ts';
import type { StreamInput } from './stream-input.ts';

/** Receives the output of {@link encodeLadder}. An exception ends the process and becomes the error. */
interface LadderOutput {
  /** One track of one rendition, before its first frame. */
  track(track: Track): void;
  /** `duration` is an estimate. Its data may be kept. */
  frame(frame: Frame): void;
  /** Resolves when more output can be taken; the process gets no input before. */
  ready(): Promise<void>;
  /** The encoder of a track on a device failed; the process fails after it. */
  encoderFailed?(failure: EncoderFailure): void;
  /** It is alive: of a measurement, a sample was measured at one quality. */
  passed?(): void;
}

/** Limits that a test may lower. */
export interface LadderProcessLimits {
  /** Private memory, bytes. */
  readonly maxDataBytes?: number;
  /** Longest time without output or input, ms. */
  readonly stallMs?: number;
  /** The same after the first message, for a process that encodes on a device; ms. */
  readonly deviceStallMs?: number;
}

/**
 * Runs one process to its end. Abort kills it and rejects.
 *
 * @throws OxbowError `engine-failed` if the process ends early, stalls or fails; the error of `input` if a
 *   read failed
 */
export async function encodeLadder(
  options: LadderOptions,
  input: StreamInput,
  output: LadderOutput,
  { signal, limits = {} }: { readonly signal: AbortSignal; readonly limits?: LadderProcessLimits },
): Promise<LadderCounts> {
  signal.throwIfAborted();
  const { media } = options;
  const { maxDataBytes = ladderLimits.maxDataBytes, deviceStallMs } = limits;
  let { stallMs = ladderLimits.stallMs } = limits;
  const { promise: answered, resolve: onAnswer } = Promise.withResolvers<Answer>();
  let failure: unknown;
  let alive: NodeJS.Timeout | undefined;
  await using child = await openChild({
    entry: 'ladder/ladder-main',
    maxDataBytes,
    ...cpuLimitOf(options),
    ...(media.kind === 'video' &&
      media.renditions.some(({ twoPass }) => twoPass) && { maxFileBytes: ladderLimits.maxFileBytes }),
    input: {
      length: input.length,
      async read(offset, count) {
        try {
          clearTimeout(alive); // It waits for the parent.
          await output.ready();
          const bytes = await input.read(offset, count);
          watch();
          return bytes;
        } catch (error) {
          failure ??= error;
          throw error;
        }
      },
    },
    onMessage(kind, payload) {
      stallMs = Math.min(stallMs, deviceStallMs ?? stallMs);
      watch();
      try {
        if (kind === messageKinds.tracks) for (const track of parseTracks(payload)) output.track(track);
        else if (kind === messageKinds.frame) output.frame(parseFrame(payload));
        else if (kind === messageKinds.encoderFailed) output.encoderFailed?.(parseJson(payload) as EncoderFailure);
        else if (kind === messageKinds.alive) output.passed?.();
        else if (kind === messageKinds.answer) onAnswer(parseAnswer(payload));
      } catch (error) {
        failure ??= error;
        throw error;
      }
    },
  });
  const watch = () => {
    clearTimeout(alive);
    alive = setTimeout(() => child.kill(`nothing came out for ${stallMs / 1000} s`), stallMs);
  };
  const onAbort = () => child.kill('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  const gone = child.ended.then((why): never => {
    signal.throwIfAborted();
    throw failure ?? new OxbowError('engine-failed', `The encoder ended: ${why}.`);
  });
  try {
    watch();
    child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify({ length: input.length, options }))));
    const answer = await Promise.race([answered, gone]);
    if (failure) throw failure;
    if (!answer.ok) throw new OxbowError('engine-failed', sentenceOf(new TextDecoder().decode(answer.bytes)));
    return parseJson(answer.bytes) as LadderCounts;
  } catch (error) {
    throw error instanceof OxbowError || signal.aborted
      ? error
      : new OxbowError('engine-failed', sentenceOf(error), { cause: error });
  } finally {
    clearTimeout(alive);
    signal.removeEventListener('abort', onAbort);
    gone.catch(() => {}); // After the answer the process ends by disposal.
  }
}

/**
 * Processor time of a process in proportion to its media, seconds: many times what the slowest settings need,
 * so that a file which never ends does not keep the others waiting.
 */
function cpuLimitOf({ media, times }: LadderOptions): { readonly maxCpuS?: number } {
  const { baseCpuS, audioCpuShare, pixelsPerCpuS } = ladderLimits;
  const endUs = times.endUs ?? times.mediaEndUs;
  if (endUs === undefined) return {};
  const seconds = Math.max(0, endUs - times.cuts[0]!) / 1_000_000;
  if (media.kind === 'audio') return { maxCpuS: Math.ceil(baseCpuS + seconds * audioCpuShare) };
  const pixels = (media.kind === 'measure' ? media.sizes : media.renditions).reduce((sum, size) => {
    const { width, height, frameRate, keepEvery } = size;
    return sum + (width * height * keepEvery * frameRate.num) / frameRate.den;
  }, 0);
  return { maxCpuS: Math.ceil(baseCpuS + (seconds * pixels) / pixelsPerCpuS) };
}
