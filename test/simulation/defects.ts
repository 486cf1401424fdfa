/**
 * Losses that oxbow once had, each as the change of one line that brings it back: the simulation must notice
 * every one of them.
 * In: nothing. Out: a table for the tests.
 */
import type { Defect } from '../mutations/defect.ts';

/** A defect that a simulated source finds. */
export interface SimulatedDefect extends Defect {
  /** One that noticed it; tried first, so that the test is quick. */
  readonly seed: number;
}

/** All of them. */
export const defects: readonly SimulatedDefect[] = [
  {
    name: 'a segment that is given up after one failure',
    file: 'src/ingest/pull/segment/segment-download.ts',
    find: 'if (failure.final || !isListed()',
    replace: 'if (attempts > 0 || failure.final || !isListed()',
    seed: 0,
  },
  {
    name: 'a live source that is not looked at again after its list ended',
    file: 'src/streams/source/sources.ts',
    find: 'awaitReturn: deps.awaitReturn,',
    replace: 'awaitReturn: false,',
    seed: 14,
  },
  {
    name: 'new media that is dropped as offered before',
    file: 'src/ingest/pull/run/run-feeder.ts',
    find: 'mayRepeat: segment.opening !== undefined && !isTaken,',
    replace: 'mayRepeat: true,',
    seed: 2,
  },
  {
    name: 'a wall clock that is set forward under a pulled stream',
    file: 'src/live/placement/reanchor.ts',
    find: "if (clock !== 'arrival') this.#meter = undefined;",
    replace: "if (clock !== 'arrival' || stepsOnly) this.#meter = undefined;",
    seed: 24,
  },
  {
    name: 'retention that believes the wall clock',
    file: 'src/recording/horizons.ts',
    find: 'const us = Math.min(byClockUs, windowOf(this.#keptFromUs(commits, keepMs)));',
    replace: 'const us = byClockUs;',
    seed: 44,
  },
  {
    name: 'numbers of segments that are used twice',
    file: 'src/streams/stream-parts.ts',
    find: 'nextMsn: msns.first,',
    replace: 'nextMsn: Math.max(previousMsn + 1, leastMsnAt(clock.nowMs())),',
    seed: 15,
  },
  {
    name: 'sound of an earlier life of the source that holds up the sound of this one',
    file: 'src/ingest/pull/rendition/audio-queue.ts',
    find: 'if (video.epoch === before.epoch && !isBack) return;',
    replace: 'return;',
    seed: 154,
  },
  {
    name: 'sound that is dropped from long segments',
    file: 'src/ingest/pull/run/run-feeder.ts',
    find: 'const isApart = dtsUs < span.fromUs - MAX_APART_US || dtsUs > span.toUs + MAX_APART_US;',
    replace: 'const isApart = Math.abs(dtsUs - (this.#expectedUs ?? dtsUs)) > MAX_APART_US;',
    seed: 34,
  },
  {
    name: 'segments of sound whose length in the playlist is not used',
    file: 'src/ingest/pull/rendition/audio-rendition.ts',
    find: 'isOne ? segment.durationS : 0);',
    replace: '0);',
    seed: 48,
  },
];
