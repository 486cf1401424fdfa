import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HardwareEncoder, KnownSpeeds } from '../hardware-encoders.ts';
import type { TakeSlot } from './device-slots.ts';
import { EncoderPool, type PoolSettings } from './encoder-pool.ts';

const never = new AbortController().signal;

/** A pool of two emulated devices with virtual time; `taken` are places of other processes. */
function openRig(t: TestContext, settings: Partial<PoolSettings> = {}, speeds?: () => Promise<KnownSpeeds>) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const said: string[] = [];
  const taken = new Set<string>();
  let nowMs = 0;
  let problem: string | undefined;
  const takeSlot: TakeSlot = async (device, places) => {
    const place = places.map((number) => `${device} ${number}`).find((name) => !taken.has(name));
    if (place === undefined) return undefined;
    taken.add(place);
    return { [Symbol.dispose]: () => void taken.delete(place) };
  };
  const pool = new EncoderPool({
    sessions: 2,
    liveSessions: 1,
    waitMs: 10_000,
    ...settings,
    ...(speeds && { speeds }),
    takeSlot,
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    host: {
      devices: () => [
        { kind: 'emulated', device: 'slow' },
        { kind: 'emulated', device: 'quick' },
      ],
      async tryEncoder({ device }: HardwareEncoder) {
        said.push(`tried ${device}`);
        if (problem !== undefined) throw new Error(problem);
        return device === 'quick' ? 500 : 200;
      },
    },
    report: {
      failed: (device, why, pauseMs) => said.push(`${device} failed: ${why}, ${pauseMs / 1000} s`),
      recovered: (device) => said.push(`${device} is back`),
    },
  });
  const settle = async () => {
    for (let i = 0; i < 30; i++) await Promise.resolve();
  };
  return {
    pool,
    said,
    taken,
    settle,
    breaks: (why: string | undefined) => {
      problem = why;
    },
    async after(ms: number) {
      nowMs += ms;
      t.mock.timers.tick(ms);
      await settle();
    },
  };
}

test('a request gets the fastest encoder, whose speed its sessions share', async (t) => {
  const { pool } = openRig(t, { sessions: 4 });
  const devices: (string | undefined)[] = [];
  for (let i = 0; i < 6; i++) devices.push((await pool.acquire('h264', 'live', { signal: never }))?.device);
  // 500, 250, then 200 on the other device, 166, 125; then 100.
  assert.deepEqual(devices, ['quick', 'quick', 'slow', 'quick', 'quick', 'slow']);
  assert.equal(await pool.acquire('av1', 'live', { signal: never }), undefined);
});

test('sessions of a device are bounded over all processes, and jobs leave one to live streams', async (t) => {
  const { pool, taken } = openRig(t, { waitMs: 0 });
  taken.add('slow 1'); // of another process
  const jobs = await Promise.all([1, 2, 3].map(() => pool.acquire('h264', 'job', { signal: never })));
  assert.deepEqual(
    jobs.map((session) => session?.device),
    ['quick', undefined, undefined],
  );
  const live = await Promise.all([1, 2, 3].map(() => pool.acquire('h264', 'live', { signal: never })));
  assert.deepEqual(live.map((session) => session?.device).sort(), ['quick', 'slow', undefined]);
  assert.deepEqual(
    pool.view().map(({ device, used, sessions }) => [device, used, sessions]),
    [
      ['slow', 1, 2],
      ['quick', 2, 2],
    ],
  );
});

test('jobs wait in order for a place, and software encodes those that wait too long', async (t) => {
  const { pool, after, settle } = openRig(t);
  const first = [
    await pool.acquire('h264', 'job', { signal: never }),
    await pool.acquire('h264', 'job', { signal: never }),
  ];
  const got: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    void pool.acquire('h264', 'job', { signal: never }).then((session) => got.push(`${name}: ${session?.device}`));
    await settle();
  }
  first.find((session) => session?.device === 'slow')![Symbol.dispose]();
  await settle();
  assert.deepEqual(got, ['a: slow']);
  await after(10_000);
  assert.deepEqual(got.toSorted(), ['a: slow', 'b: undefined', 'c: undefined']);
});

test('a device that fails is left, and tried again after growing pauses until it works', async (t) => {
  const { pool, said, breaks, after } = openRig(t);
  const session = (await pool.acquire('h264', 'live', { signal: never }))!;
  const other = (await pool.acquire('h264', 'live', { signal: never }))!;
  assert.deepEqual([session.device, other.device], ['quick', 'quick']);
  said.length = 0;
  breaks('no such device');
  session.fail('it was lost');
  other.fail('it was lost too');
  session[Symbol.dispose]();
  other[Symbol.dispose]();
  assert.equal((await pool.acquire('h264', 'live', { signal: never }))?.device, 'slow');
  await after(5000);
  await after(10_000);
  breaks(undefined);
  assert.equal(pool.view().find(({ device }) => device === 'quick')!.reason, 'no such device');
  await after(20_000);
  assert.deepEqual(said, [
    'quick failed: it was lost, 5 s',
    'tried quick',
    'quick failed: no such device, 10 s',
    'tried quick',
    'quick failed: no such device, 20 s',
    'tried quick',
    'quick is back',
  ]);
  assert.equal((await pool.acquire('h264', 'live', { signal: never }))?.device, 'quick');
  said.length = 0;
  await after(59_000);
  (await pool.acquire('h264', 'live', { signal: never }))!.fail('again');
  assert.equal(said[0], 'quick failed: again, 40 s');
});

test('a device whose sessions other processes use is not tried; it works if its speed is known', async (t) => {
  const { pool, said, taken } = openRig(t);
  for (const place of ['slow 0', 'slow 1']) taken.add(place);
  await pool.ready();
  assert.deepEqual(said, ['tried quick']);
  assert.deepEqual(
    pool.view().map(({ device }) => device),
    ['quick'],
  );
  t.mock.timers.reset();
  const speeds = async () => ({ speedOf: () => 300, keep: async () => {} });
  const other = openRig(t, {}, speeds);
  for (const place of ['slow 0', 'slow 1']) other.taken.add(place);
  await other.pool.ready();
  assert.deepEqual(
    other.pool.view().map(({ device, speed }) => [device, speed]),
    [
      ['slow', 300],
      ['quick', 300],
    ],
  );
});

test('without a session, and without a device, nothing is tried', async (t) => {
  const { pool, said } = openRig(t, { sessions: 0 });
  assert.equal(await pool.acquire('h264', 'live', { signal: never }), undefined);
  assert.deepEqual([said, pool.view()], [[], []]);
});
