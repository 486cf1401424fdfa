/**
 * Selects the key frames of a time-lapse: evenly spaced over the recorded time, so that gaps take no time.
 * In: the index of a recording, a range. Out: the segments that begin with them, of one codec configuration.
 */

import type { VideoTrack } from '@oxbow/media/frame';
import { independentFlag } from '@oxbow/media/isobmff/commit-box';
import { printInit } from '@oxbow/media/isobmff/init';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import type { RecordedGroup, RecordedTrack } from '../../recording/recording-reader.ts';
import type { Range } from '../past/past.ts';
import type { ServedStream } from '../served-stream.ts';
import type { WorkOptions } from '../work-budget.ts';

/** A segment that begins with a key frame. */
export interface KeySegment {
  readonly location: SegmentLocation;
  /** First byte of the video's segment in the object. */
  readonly offset: number;
  /** Bytes of the whole segment. */
  readonly length: number;
  readonly crc: number;
  readonly msn: number;
}

/** The selection. */
interface KeySegments {
  /** With the configuration that lasts longest in the range. */
  readonly track: VideoTrack;
  readonly segments: readonly KeySegment[];
  /** Recorded duration with that configuration, µs. */
  readonly recordedUs: number;
}

/** This much of the index is read at once, µs: the event loop is free in between. */
const STEP_US = 3600 * 1_000_000;

/** A configuration of the video, and how long it lasts. */
interface Shape {
  readonly track: VideoTrack;
  durationUs: number;
}

/**
 * The key frames of the segments that overlap a range.
 *
 * @param most frames; fewer if there are fewer key frames
 * @returns undefined if no video is recorded there
 */
export async function selectKeySegments(
  stream: Pick<ServedStream, 'recording' | 'inits'>,
  range: Range,
  most: number,
  { signal, budget }: WorkOptions,
): Promise<KeySegments | undefined> {
  const shapes = new Shapes(stream.inits);
  await walkSteps(stream, range, { signal, budget }, (group) => {
    const shape = shapes.of(group);
    if (shape && videoOf(group, shape)) shape.durationUs += group.durationUs;
  });
  const shape = shapes.longest();
  if (!shape) return undefined;
  const everyUs = shape.durationUs / most;
  const segments: KeySegment[] = [];
  let atUs = 0;
  let nextUs = 0;
  await walkSteps(stream, range, { signal, budget }, (group) => {
    const video = shapes.of(group) === shape ? videoOf(group, shape) : undefined;
    if (!video) return;
    if (atUs >= nextUs && segments.length < most && (video.flags & independentFlag) !== 0) {
      const { offset, length, crc } = video;
      segments.push({ location: video.location ?? group.location, offset, length, crc, msn: group.msn });
      nextUs = (Math.floor(atUs / everyUs) + 1) * everyUs;
    }
    atUs += group.durationUs;
  });
  return { track: shape.track, segments, recordedUs: shape.durationUs };
}

/** Visits the groups that overlap a range, once each; the group is valid only during the call. */
async function walkSteps(
  { recording }: Pick<ServedStream, 'recording'>,
  { fromUs, toUs }: Range,
  { signal, budget }: WorkOptions,
  visit: (group: RecordedGroup) => void,
): Promise<void> {
  for (let stepUs = fromUs; stepUs < toUs; stepUs += STEP_US) {
    signal.throwIfAborted();
    const endUs = Math.min(stepUs + STEP_US, toUs);
    let count = 0;
    for (const group of await recording.walk(stepUs, endUs)) {
      count++;
      // A group that overlaps two steps belongs to the first of them.
      if (group.startUs >= stepUs || stepUs === fromUs) visit(group);
    }
    budget?.spend(count);
  }
}

function videoOf({ tracks }: RecordedGroup, { track }: Shape): RecordedTrack | undefined {
  return tracks.find(({ trackId, length }) => trackId === track.id && length > 0);
}

/**
 * The configurations of the video by init section; a source that starts again with the same one continues it.
 */
class Shapes {
  readonly #inits: ServedStream['inits'];
  readonly #byInit = new Map<number, Shape | undefined>();
  readonly #byConfig = new Map<string, Shape>();

  constructor(inits: ServedStream['inits']) {
    this.#inits = inits;
  }

  of({ initNumber }: Pick<RecordedGroup, 'initNumber'>): Shape | undefined {
    if (!this.#byInit.has(initNumber)) this.#byInit.set(initNumber, this.#read(initNumber));
    return this.#byInit.get(initNumber);
  }

  longest(): Shape | undefined {
    const shapes = [...this.#byConfig.values()].filter(({ durationUs }) => durationUs > 0);
    return shapes.sort((a, b) => b.durationUs - a.durationUs)[0];
  }

  #read(initNumber: number): Shape | undefined {
    const track = this.#inits.get(initNumber)?.tracks.find((candidate) => candidate.kind === 'video');
    if (!track) return undefined;
    const config = Buffer.from(printInit([track])).toString('latin1');
    const cached = this.#byConfig.get(config);
    if (cached) return cached;
    const shape = { track, durationUs: 0 };
    this.#byConfig.set(config, shape);
    return shape;
  }
}
