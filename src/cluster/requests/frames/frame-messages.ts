/**
 * What the owner of a live stream sends to a node that follows it: the framing, tracks and frames of
 * ffmpeg/frame-protocol, and the runs between them.
 * In: items of an inbox. Out: messages, and back. Pure.
 */
import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import type { Run } from '@oxbow/media/run';
import { messageKinds, parseJson, printMessage, printTracks } from '../../../ffmpeg/frame-protocol.ts';
import type { Pace } from '../../../live/input.ts';
import type { RunContext } from '../../../live/sink.ts';

/** Kinds of messages; `tracks` and `frame` are as in ffmpeg/frame-protocol, and `tracks` precedes `run`. */
export const frameKinds = {
  run: messageKinds.options,
  tracks: messageKinds.tracks,
  frame: messageKinds.frame,
  end: messageKinds.end,
  alive: messageKinds.alive,
} as const;

/** Larger than any picture, bytes: an intra picture of 8K has some MB. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The run is over; another may follow. */
export const endMessage = printMessage(frameKinds.end);
/** The stream is followed, and nothing has come for a moment. */
export const aliveMessage = printMessage(frameKinds.alive);

/**
 * The tracks of a run that another node gets: its original picture and its sound. Qualities, text and data
 * stay: nothing that follows a stream uses them.
 */
export function sentTracks({ tracks, reference }: Pick<RunContext, 'tracks' | 'reference'>): readonly Track[] {
  return tracks.filter(
    (track) => track === reference || track.kind === 'audio' || (track.kind === 'video' && track.rung === undefined),
  );
}

/** The beginning of a run, with the tracks that are sent of it. */
export function printRun({ run, reference, pace, startUs, soft }: RunContext, tracks: readonly Track[]): Uint8Array {
  const json = { run, reference: reference.id, pace, startUs, ...(soft && { soft }) };
  return Buffer.concat([printTracks(tracks), printMessage(frameKinds.run, Buffer.from(JSON.stringify(json)))]);
}

/**
 * Reads the message `run` of {@link printRun}.
 *
 * @param tracks of the message before it
 * @throws FormatError if it is incomplete, or its reference is not one of the tracks
 */
export function parseRun(payload: Uint8Array, tracks: readonly Track[]): RunContext {
  const { run, reference, pace, startUs, soft } = (parseJson(payload) ?? {}) as {
    readonly run?: Run;
    readonly reference?: number;
    readonly pace?: Pace;
    readonly startUs?: number;
    readonly soft?: true;
  };
  const track = tracks.find(({ id }) => id === reference);
  if (!track || !pace || !Number.isFinite(run?.utcOffsetUs) || !Number.isFinite(startUs))
    throw new FormatError('the run of another node is incomplete', 0);
  // Gaps are those of the stream of the other node, which lists them.
  return { run: run!, tracks, reference: track, pace, startUs: startUs!, gaps: [], ...(soft === true && { soft }) };
}
