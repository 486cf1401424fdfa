/**
 * Re-encodes a few pictures in a separate process, so that a recording can be cut between two key frames.
 * In: frames in decode order, a time range. Out: a codec configuration and frames of the same size.
 */

import { withColourInfo } from '@oxbow/media/colour/colours';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { withDeadline } from '../lib/abort.ts';
import { OxbowError, reasonOf, sentenceOf } from '../lib/errors.ts';
import { type EngineChild, openChild } from './child-process.ts';
import {
  type Answer,
  messageKinds,
  parseAnswer,
  parseFrame,
  parseTracks,
  printFrame,
  printMessage,
} from './frame-protocol.ts';
import { type RecodeOptions, recodeLimits } from './recode-options.ts';

export type { RecodeOptions } from './recode-options.ts';

/** The re-encoded pictures: one GOP without reordering, in decode order. */
interface Recoded {
  readonly track: VideoTrack;
  readonly frames: readonly Frame[];
}

/**
 * Re-encodes the pictures with a pts in [fromPts, toPts); H.264 and HEVC only. Abort kills the process and
 * rejects.
 *
 * @param frames in decode order from a key frame, with all frames that the range refers to
 * @throws OxbowError `unsupported-media` if the codec is another one or the input too large; `engine-failed`
 *   if it fails or takes longer than ten minutes
 */
export async function recode(
  options: RecodeOptions,
  frames: readonly Frame[],
  { signal }: { signal: AbortSignal },
): Promise<Recoded> {
  check(options, frames);
  signal.throwIfAborted();
  let track: VideoTrack | undefined;
  const made: Frame[] = [];
  const { promise: answered, resolve: onAnswer } = Promise.withResolvers<Answer>();
  await using child = await openChild({
    entry: 'recode-main',
    maxDataBytes: recodeLimits.maxDataBytes,
    onMessage(kind, payload) {
      if (kind === messageKinds.tracks) track = parseTracks(payload).find((candidate) => candidate.kind === 'video');
      else if (kind === messageKinds.frame) made.push(parseFrame(payload));
      else if (kind === messageKinds.answer) onAnswer(parseAnswer(payload));
    },
  });
  signal.throwIfAborted();
  child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(plain(options)))));
  for (const frame of frames) child.send(printFrame(frame));
  child.send(printMessage(messageKinds.end));
  const answer = await answerOf(child, answered, signal);
  if (!answer.ok) throw new OxbowError('engine-failed', sentenceOf(new TextDecoder().decode(answer.bytes)));
  if (!track) throw new OxbowError('engine-failed', 'The media engine returned no pictures.');
  const config = withColourInfo(track.config, options.track.config.colourInfo);
  return { track: { ...track, config }, frames: made };
}

function check({ track }: RecodeOptions, frames: readonly Frame[]): void {
  const { codec } = track.config;
  if (codec !== 'h264' && codec !== 'hevc') {
    throw new OxbowError('unsupported-media', `${codec.toUpperCase()} cannot be re-encoded.`, {
      extra: { hint: 'Request it without `exact`: the file then starts and ends at key frames.' },
    });
  }
  const bytes = frames.reduce((sum, { data }) => sum + data.length, 0);
  if (frames.length > recodeLimits.maxPictures || bytes > recodeLimits.maxInputBytes) {
    throw new OxbowError('unsupported-media', 'Key frames are too far apart to cut between them.', {
      extra: { hint: 'Request it without `exact`: the file then starts and ends at key frames.' },
    });
  }
}

/** The options as JSON, with the codec configuration in Base64 as in printTracks. */
function plain({ track, ...options }: RecodeOptions): unknown {
  const record = Buffer.from(track.config.record).toString('base64');
  return { ...options, track: { ...track, config: { ...track.config, record } } };
}

async function answerOf(child: EngineChild, answered: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  using deadline = withDeadline(recodeLimits.withinMs, 're-encoding', { signal });
  const onDeadline = () => child.kill(reasonOf(deadline.signal.reason));
  deadline.signal.addEventListener('abort', onDeadline, { once: true });
  const gone = child.ended.then((why): never => {
    signal.throwIfAborted();
    throw new OxbowError('engine-failed', `The media engine ended: ${why}.`);
  });
  try {
    return await Promise.race([answered, gone]);
  } finally {
    deadline.signal.removeEventListener('abort', onDeadline);
    gone.catch(() => {}); // After the answer the process ends by disposal.
  }
}
