/**
 * The groups of a clip in steps of time, from the key frame before its start: the event loop is free in
 * between, and no step keeps a group.
 * In: the index of a recording, a range. Out: groups for the plan of a file, which can be read again step by
 * step. docs/media.md 20.
 */

import type { Track } from '@oxbow/media/frame';
import type { Init } from '@oxbow/media/segment';
import { OxbowError } from '../../lib/errors.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import { checkRange, leadTo, type Range, refuseEmpty } from '../past/past.ts';
import { joins } from '../past/past-presentation.ts';
import type { ServedStream } from '../served-stream.ts';
import type { WorkOptions } from '../work-budget.ts';

/** This much of the index is read at once, µs. */
const STEP_US = 600_000_000;
/** A `sidx` counts its segments in 16 bits (ISO/IEC 14496-12, 8.16.3). */
const MAX_SEGMENTS = 65_535;

export interface ClipStoredGroup extends RecordedGroup {
  /** Does not continue the group before it in the clip. */
  readonly discontinuity: boolean;
}

/** Position of a step, and the totals before it. */
export interface StepPlace {
  readonly fromUs: number;
  readonly toUs: number;
  /** Groups that begin earlier belong to the steps before, µs since 1970. */
  readonly nextUs: number;
  readonly before: Parameters<typeof joins>[0] | undefined;
}

/** A step, read once to its end before the next. */
interface ClipStep {
  readonly place: StepPlace;
  readonly groups: Iterable<ClipStoredGroup>;
}

/**
 * The steps of a clip. Every group has the same codec configuration, as far as decoders tell.
 *
 * @param options.signal ends the reading
 * @param options.budget counts the segments that are read
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`; `unsupported-media` where the codec
 *   configuration changes; `too-many-requests`
 */
export async function* clipSteps(
  stream: ServedStream,
  range: Range,
  { signal, budget }: WorkOptions,
): AsyncGenerator<ClipStep> {
  checkRange(range);
  const walk = new ClipWalk(stream);
  const read = async function* (fromUs: number, toUs: number): AsyncGenerator<ClipStep> {
    const place = walk.placeOf(fromUs, toUs);
    const taken = walk.count;
    yield { place, groups: walk.take(await reopenStep(stream, place)) };
    budget?.spend(walk.count - taken);
  };
  for (let fromUs = range.fromUs; fromUs < range.toUs; fromUs += STEP_US) {
    signal.throwIfAborted();
    const toUs = Math.min(fromUs + STEP_US, range.toUs);
    if (walk.count === 0) {
      const [first] = await stream.recording.walk(fromUs, toUs);
      if (!first) continue;
      const [lead] = first.tracks.length > 0 ? await leadTo(stream, { ...first, tracks: [...first.tracks] }) : [];
      if (lead) {
        walk.startAt(lead.startUs);
        yield* read(lead.startUs, first.startUs);
      }
    }
    yield* read(fromUs, toUs);
  }
  if (walk.count === 0) refuseEmpty(stream, range);
}

/** The groups of a step again; more may follow where the recording has grown. */
export async function reopenStep(
  { recording }: Pick<ServedStream, 'recording'>,
  { fromUs, toUs, nextUs, before }: StepPlace,
): Promise<Iterable<ClipStoredGroup>> {
  const groups = await recording.walk(fromUs, toUs);
  return {
    *[Symbol.iterator]() {
      let last = before;
      for (const group of groups) {
        if (group.startUs < nextUs) continue;
        const discontinuity = last !== undefined && !joins(last, group);
        last = joinOf(group);
        yield { ...group, discontinuity };
      }
    },
  };
}

/** What `joins` needs of a group. */
function joinOf({
  run,
  initNumber,
  sourceInit,
  msn,
  startUs,
  durationUs,
}: RecordedGroup): NonNullable<StepPlace['before']> {
  return { run, initNumber, msn, startUs, durationUs, ...(sourceInit !== undefined && { sourceInit }) };
}

/** The progress of reading a clip. */
class ClipWalk {
  readonly #inits: ServedStream['inits'];
  #init: Init | undefined;
  #before: StepPlace['before'];
  #nextUs = 0;
  count = 0;

  constructor({ inits }: ServedStream) {
    this.#inits = inits;
  }

  startAt(us: number): void {
    this.#nextUs = us;
  }

  placeOf(fromUs: number, toUs: number): StepPlace {
    return { fromUs, toUs, nextUs: this.#nextUs, before: this.#before };
  }

  *take(groups: Iterable<ClipStoredGroup>): Generator<ClipStoredGroup> {
    let last: ClipStoredGroup | undefined;
    for (const group of groups) {
      if (this.count === 0 || group.initNumber !== (last ?? this.#before)?.initNumber) this.#check(group);
      last = group;
      if (++this.count > MAX_SEGMENTS) {
        throw new OxbowError('window-too-long', `More than ${MAX_SEGMENTS} segments are too many for one file.`);
      }
      yield group;
    }
    if (!last) return;
    this.#before = joinOf(last);
    this.#nextUs = last.startUs + 1;
  }

  #check({ initNumber, msn, startUs }: ClipStoredGroup): void {
    const init = this.#inits.get(initNumber);
    const before = this.#init;
    if (this.count > 0 && init !== before && !(init && before && this.#inits.isSame(before, init))) {
      throw new OxbowError(
        'unsupported-media',
        `The codec configuration changes at ${new Date(startUs / 1000).toISOString()}; request a clip that ends or starts there.`,
      );
    }
    if (!init) throw new OxbowError('no-media', `The codec configuration of segment ${msn} is not known.`);
    this.#init = init;
  }
}

/** The tracks that all groups of a stream with the configuration of `group` share. */
export function tracksOf({ inits }: Pick<ServedStream, 'inits'>, group: RecordedGroup): readonly Track[] {
  return inits.get(group.initNumber)!.tracks;
}
