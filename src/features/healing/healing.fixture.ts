/**
 * A programme and its healing for tests: sources that have it, numbered by UTC, and a healer of a rig.
 * In: a rig of streams. Out: HealingSource, Healer, and the pictures of a recording. Used by tests only.
 */
import assert from 'node:assert/strict';
import type { Frame } from '@oxbow/media/frame';
import type { RangeReader } from '../../archive/range-reader.ts';
import { type StreamsRig, tracks } from '../../streams/streams.fixture.ts';
import { GapTable } from './gap-table.ts';
import { healGap } from './heal-gap.ts';
import { Healer } from './healer.ts';
import type { HealingGap, HealingSource } from './source.ts';
import { readSurroundings } from './surroundings.ts';

/** Ten pictures a second, with a key frame each second: as the source of the rig plays them. ms. */
const TICK_MS = 100;
/** Pictures that a source gives at a time. */
const EACH = 20;

/** The number of the first picture at or after an instant, ms since 1970. */
export const tickOf = (ms: number): number => Math.ceil(ms / TICK_MS);

function frameOf(trackId: number, tick: number, timescale: number): Frame {
  const dts = (tick * timescale) / 10;
  const data = Uint8Array.of(0, 0, 0, 4, trackId, tick & 255, (tick >> 8) & 255, 1);
  return { trackId, dts, pts: dts, duration: timescale / 10, key: trackId === 2 || tick % 10 === 0, data };
}

/** A source that lists whole segments of two seconds, and has nothing of some times. */
export function programme(name: string, has: (gap: HealingGap) => boolean = () => true): HealingSource {
  return {
    name,
    async find(gap) {
      if (!has(gap)) return { kind: 'nothing', reason: 'its playlist begins later', mayComeLater: false };
      const first = Math.floor(tickOf(gap.fromMs) / EACH) * EACH;
      const run = { tracks, utcOffsetUs: 0, exactness: { kind: 'dated' } } as const;
      const media = async function* () {
        for (let tick = first; tick * TICK_MS < gap.toMs; tick += EACH) {
          const ticks = Array.from({ length: EACH }, (_, i) => tick + i);
          yield { run, frames: ticks.flatMap((each) => [frameOf(1, each, 90_000), frameOf(2, each, 48_000)]) };
        }
      };
      return { kind: 'found', media: media(), mayComeLater: false };
    },
  };
}

/** A healer of all streams of a rig; a failure that is not of a source fails the test. */
export function healerOf(rig: StreamsRig, reader: RangeReader, sources: readonly HealingSource[]): Healer {
  const { deps, clock } = rig;
  const fail = (error: unknown) => assert.fail(String(error));
  return new Healer({
    clock,
    table: new GapTable(rig.store.rows),
    recordings: deps.recordings,
    streams: () => rig.catalog.all,
    sourcesOf: async () => [...sources],
    sumOf: () => sources.map(({ name }) => name).join(),
    forMs: () => 1e12,
    heal: (stream, gap, tried, options) => {
      const parts = { recordings: deps.recordings, reader, clock, config: deps.settings.now, mayWrite: () => true };
      const limits = { maxBytes: 1e9, maxMs: 1e9 };
      return healGap({ ...parts, found() {}, bug: fail }, stream, gap, tried, { ...limits, ...options });
    },
    tried() {},
    failed: fail,
  });
}

/** Looks at a stream, and makes the attempts that are due after the first pause. */
export async function healNow(rig: StreamsRig, healer: Healer, name = 'door'): Promise<void> {
  await healer.look(rig.catalog.get(name));
  rig.clock.advance(6000);
  await healer.work({ signal: new AbortController().signal });
}

/** Numbers of the pictures of a recording, in the order of its playlists. */
export async function ticksOf(rig: StreamsRig, reader: RangeReader): Promise<number[]> {
  const { signal } = new AbortController();
  const { recording, inits } = rig.catalog.get('door').served;
  const around = await readSurroundings({ stream: { id: '', name: '' }, recording, inits, reader }, 0, 0);
  const ticks: number[] = [];
  for (const group of await recording.between(0, Number.MAX_SAFE_INTEGER)) {
    const { frames, utcOffsetUs } = await around.read(group, { signal });
    for (const { trackId, pts, data } of frames) {
      if (trackId !== 1) continue;
      const tick = Math.round((utcOffsetUs + (pts * 1e6) / 90_000) / 1000 / TICK_MS);
      assert.equal(data[5]! | (data[6]! << 8), tick & 0xffff, 'the clock in the picture is its time');
      ticks.push(tick);
    }
  }
  return ticks;
}
