/**
 * Encodes a few pictures anew, in a process of its own that may crash, so that a recording can be cut between two key frames.
 * In: frames in decode order, a stretch of time. Out: a configuration and frames of the same size, in its place.
 */
import { withDeadline } from '../lib/abort.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import type { Frame, VideoTrack } from '../media/frame.ts';
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

/** What stands for the wanted pictures: one group of pictures, in decode order, which is that of showing. */
export interface Recoded {
  readonly track: VideoTrack;
  readonly frames: readonly Frame[];
}

/**
 * Encodes the pictures with a pts in [fromPts, toPts) anew; H.264 and HEVC alone. Abort kills the process and rejects.
 *
 * @param frames from a key frame on, in decode order; at least all that the wanted ones refer to
 * @throws OxbowError `unsupported-media` where the codec is another one, or there is too much of it; `engine-failed` where it could
 *   not be done within ten minutes
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
      if (kind === messageKinds.tracks) track = parseTracks(payload).find((one) => one.kind === 'video');
      else if (kind === messageKinds.frame) made.push(parseFrame(payload));
      else if (kind === messageKinds.answer) onAnswer(parseAnswer(payload));
    },
  });
  signal.throwIfAborted();
  child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(plain(options)))));
  for (const frame of frames) child.send(printFrame(frame));
  child.send(printMessage(messageKinds.end));
  const answer = await answerOf(child, answered, signal);
  if (!answer.ok) throw new OxbowError('engine-failed', new TextDecoder().decode(answer.bytes));
  if (!track) throw new OxbowError('engine-failed', 'the media engine gave no pictures');
  return { track, frames: made };
}

function check({ track }: RecodeOptions, frames: readonly Frame[]): void {
  const { codec } = track.config;
  if (codec !== 'h264' && codec !== 'hevc') {
    throw new OxbowError('unsupported-media', `${codec.toUpperCase()} cannot be encoded anew`, {
      extra: { hint: 'Ask for it without `exact`: the file then begins and ends at key frames.' },
    });
  }
  const bytes = frames.reduce((sum, { data }) => sum + data.length, 0);
  if (frames.length > recodeLimits.maxPictures || bytes > recodeLimits.maxInputBytes) {
    throw new OxbowError('unsupported-media', 'key frames are too far apart to cut between them', {
      extra: { hint: 'Ask for it without `exact`: the file then begins and ends at key frames.' },
    });
  }
}

/** As JSON: the record as printTracks writes it. */
function plain({ track, ...rest }: RecodeOptions): unknown {
  const record = Buffer.from(track.config.record).toString('base64');
  return { ...rest, track: { ...track, config: { ...track.config, record } } };
}

async function answerOf(child: EngineChild, answered: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  using deadline = withDeadline(recodeLimits.withinMs, 'encoding anew', { signal });
  const onDeadline = () => child.kill(messageOf(deadline.signal.reason));
  deadline.signal.addEventListener('abort', onDeadline, { once: true });
  const gone = child.ended.then((why): never => {
    signal.throwIfAborted();
    throw new OxbowError('engine-failed', `the media engine ended: ${why}`);
  });
  try {
    return await Promise.race([answered, gone]);
  } finally {
    deadline.signal.removeEventListener('abort', onDeadline);
    gone.catch(() => {}); // It ends when it is disposed of, and is not asked any more.
  }
}
