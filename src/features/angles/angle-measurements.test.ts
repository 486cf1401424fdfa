import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEVELS_PER_SECOND, LevelMeter } from '@oxbow/media/align/energy';
import { SOUND_RATE, speech } from '@oxbow/media/align/sound.fixture';
import type { Job, JobContext } from '../../jobs/job.ts';
import { AngleMeasurements } from './angle-measurements.ts';
import type { Angle } from './angle-members.ts';
import type { StoredAngle, StoredAngleSet } from './angle-table.ts';

const { signal } = new AbortController();

/** Measures two members, of which one is moved by a person meanwhile. */
async function measureWhile(moved: 'm1' | 'm2' | undefined) {
  const meter = new LevelMeter(100_000);
  meter.add(0, speech(42, 100), SOUND_RATE);
  const members: StoredAngle[] = ['m1', 'm2'].map((id) => ({ id, kind: 'stream', of: id, offsetMs: 0, how: 'time' }));
  const fields = { id: 's', name: 'Stage', atUs: undefined, owner: 'admin', createdUs: 0, revision: 1 };
  let set: StoredAngleSet = { ...fields, members };
  const measurements = new AngleMeasurements({
    table: {
      find: async () => set,
      async change(_: string, change: (found: StoredAngleSet) => object) {
        set = { ...set, ...change(set) };
        return set;
      },
    },
    members: { present: async (all: readonly StoredAngle[]) => all.map((member) => ({ member }) as Angle) },
    async readSound({ member: { id } }: Angle, { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }) {
      const move = (member: StoredAngle): StoredAngle =>
        member.id === moved ? { ...member, offsetMs: 5000, how: 'hand' } : member;
      set = { ...set, members: set.members.map(move) };
      const [first, last] = [fromMs, toMs].map((ms) => Math.max(0, Math.round((ms * LEVELS_PER_SECOND) / 1000)));
      // The second one is 2 s early.
      const levels = meter.levels.subarray(first! + (id === 'm2' ? 200 : 0), last! + (id === 'm2' ? 200 : 0));
      return levels.length === 0 ? undefined : { fromMs: (first! * 1000) / LEVELS_PER_SECOND, levels };
    },
    events: { publish() {} },
  } as unknown as ConstructorParameters<typeof AngleMeasurements>[0]);
  const input = { set: 's', members: ['m1', 'm2'], atMs: 40_000, withinMs: 10_000 };
  const result = await measurements.kind.work({ input } as unknown as Job, { signal, progress() {} } as JobContext);
  return { result, offsets: set.members.map(({ offsetMs }) => Math.round(offsetMs)) };
}

test('an offset that a person changes while the sound is compared stays, as does what was compared with it', async () => {
  const { result, offsets } = await measureWhile(undefined);
  assert.deepEqual([result, offsets], [{ found: 1, missed: [] }, [0, 2000]]);
  const missed = [{ member: 'm2', reason: 'changed' }];
  assert.deepEqual(await measureWhile('m2'), { result: { found: 0, missed }, offsets: [0, 5000] });
  assert.deepEqual(await measureWhile('m1'), { result: { found: 0, missed }, offsets: [5000, 0] });
});
