/**
 * Logs and counts the events of a live stream that change nothing in its lifecycle.
 * In: events of live/stream. Out: the log, metrics.
 */
import type { StreamPlacement } from '../live/placement/placement.ts';
import type { StreamEdge } from '../live/placement/stream-edge.ts';
import type { RunContext } from '../live/sink.ts';
import type { StreamEvent } from '../live/stream-event.ts';
import { reportBug } from '../observe/errors/report-bug.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import type { StreamDeps } from './stream-deps.ts';

/** A live stream is filed this close to the clock, µs; further off it is a problem. */
const OFF_CLOCK_US = 5_000_000;

/** Where the media of a stream is filed. */
export interface PlacedStream {
  readonly placement: Pick<StreamPlacement, 'context' | 'skewUs'>;
  readonly edge: Pick<StreamEdge, 'endUs'>;
}

/**
 * How far the media of a live publisher is filed ahead of the clock, µs; negative: behind it. 0 without such
 * media, and within five seconds.
 *
 * @param nowMs wall clock, ms since 1970
 */
export function offClockUs(
  { placement: { context, skewUs = 0 }, edge: { endUs } }: PlacedStream,
  nowMs: number,
): number {
  if (context?.pace.kind !== 'continuous' || context.run.clock !== 'arrival') return 0;
  const aheadUs = endUs - nowMs * 1000;
  if (aheadUs > OFF_CLOCK_US) return aheadUs;
  return skewUs > OFF_CLOCK_US ? -skewUs : 0;
}

/** The same in words, as part of a sentence; empty within five seconds. */
export function offClockReason(stream: PlacedStream, nowMs: number): string {
  const us = offClockUs(stream, nowMs);
  return us === 0 ? '' : `filed ${formatDuration(us)} ${us > 0 ? 'ahead of' : 'behind'} the clock`;
}

const formatDuration = (us: number) => `${Math.round(Math.abs(us) / 1e6)} s`;

/** Reports that a run has begun. */
export function reportRun(
  { log }: Pick<StreamDeps, 'log'>,
  definition: StreamDefinition,
  { run, startUs, gaps }: RunContext,
): void {
  const from = new Date(startUs / 1000).toISOString();
  const fields = { ...sourceFields(definition), run: run.id, from, clock: run.clock, gaps: gaps.length };
  log.info(fields, 'the stream is live');
}

/**
 * Logs that media is missing: a warning when that begins or its cause changes. A source that reports each of
 * its tries adds none.
 *
 * @param before the cause that was logged last; empty while media flows
 * @returns the cause that was logged last
 */
export function reportMissing(
  { log }: Pick<StreamDeps, 'log'>,
  definition: StreamDefinition,
  { cause, detail }: Pick<Extract<StreamEvent, { type: 'absent' }>, 'cause' | 'detail'>,
  before: string,
): string {
  const fields = { ...sourceFields(definition), cause, detail };
  if (cause === before) log.debug(fields, 'media is still missing');
  else log.warn(fields, 'media is missing');
  return cause;
}

/** Detail of a source, or of a publisher, that was ended by a bug. */
export const INTERNAL_ERROR = 'an internal error ended the source; the log has the details';

/**
 * Counts and logs a bug that ended a part of one stream.
 *
 * @param when what happened then
 */
export function reportStreamBug(
  deps: Pick<StreamDeps, 'metrics' | 'log'>,
  stream: string,
  error: unknown,
  when: string,
): void {
  reportBug(deps, error, { stream, when }, 'a stream failed: a bug in oxbow');
}

/**
 * Makes a call that has no caller of the stream above it: what it throws is reported, see reportStreamBug.
 */
export function guarded(
  deps: Pick<StreamDeps, 'metrics' | 'log'>,
  stream: string,
  when: string,
  work: () => void,
): void {
  try {
    work();
  } catch (error) {
    reportStreamBug(deps, stream, error, when);
  }
}

/** Reports one event. Events that the lifecycle handles are ignored. */
export function reportStreamEvent(
  { metrics, log }: Pick<StreamDeps, 'metrics' | 'log'>,
  definition: StreamDefinition,
  event: StreamEvent,
): void {
  const stream = definition.name;
  switch (event.type) {
    case 'clipped': {
      const seconds = event.durationUs / 1e6;
      metrics.clippedSeconds.inc({ stream }, seconds);
      log.info({ ...sourceFields(definition), seconds }, 'the source repeated media, which was dropped');
      break;
    }
    case 'sink-failed': {
      const { sink, error } = event;
      reportBug({ metrics, log }, error, { stream, sink }, 'a sink failed');
      break;
    }
    case 'sink-lost': {
      const { sink, cause, gops, frames } = event;
      metrics.sinkLostGops.inc({ stream, sink, cause }, gops);
      metrics.sinkLostFrames.inc({ stream, sink, cause }, frames);
      log.warn({ stream, sink, cause, gops, frames }, 'a sink dropped GOPs');
      break;
    }
    case 'gop-too-large':
      metrics.gopsTooLarge.inc({ stream });
      break;
    case 'keyless':
      log.warn(sourceFields(definition), 'the encoder sent no key frame for 10 s: set its key frame interval to 2 s');
      break;
    default:
      break; // StreamEvents publishes levels of pressure
  }
}
