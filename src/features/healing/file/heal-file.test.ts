import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { SOUND_RATE, speech } from '@oxbow/media/align/sound.fixture';
import { need } from '../../../../test/fixtures/need.ts';
import { openTimeZone } from '../../../api/local-time.ts';
import { closeEngine, measureLevels } from '../../../ffmpeg/engine.ts';
import type { HealingGap, HealingSource } from '../source.ts';
import { assertHealed, type Broadcast, broadcastOf, readFound, surroundingsOf } from '../surroundings.fixture.ts';
import { type FileGap, healFromFile, labelOf, type MediaFile } from './heal-file.ts';

const signal = new AbortController().signal;
const T0 = Date.UTC(2026, 10, 30, 12);
const SECONDS = 130;
/** What the card has of it, seconds. */
const CARD = { from: '30', seconds: '90' } as const;
const zone = openTimeZone('UTC');
const gapOf = (fromS: number, toS: number): FileGap => ({
  fromUs: (T0 + fromS * 1000) * 1000,
  toUs: (T0 + toS * 1000) * 1000,
});
const gaps = [gapOf(60, 72), gapOf(100, 108.4), gapOf(4000, 4010)];

suite('a file of a memory card', { skip: need('ffmpeg') }, () => {
  let folder = '';
  let recorded: Broadcast;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-test-'));
    await writeFile(join(folder, 'sound.f32'), new Uint8Array(speech(51, SECONDS).buffer));
    const inputs = [
      ...['-f', 'lavfi', '-i', `testsrc2=size=128x72:rate=25:duration=${SECONDS}`],
      ...['-f', 'f32le', '-ar', String(SOUND_RATE), '-ac', '1', '-i', 'sound.f32'],
    ];
    const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25'];
    const run = (args: readonly string[]) =>
      execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...args], { cwd: folder });
    run([...inputs, ...x264, '-c:a', 'aac', '-ar', '48000', 'recorded.ts']);
    // The card has a part of the same encode, in another container with other times.
    run(['-ss', CARD.from, '-t', CARD.seconds, '-i', 'recorded.ts', '-c', 'copy', '-map_metadata', '-1', 'card.mp4']);
    run([
      ...['-ss', CARD.from, '-t', CARD.seconds],
      ...inputs.slice(0, 4),
      ...['-ss', CARD.from, '-t', CARD.seconds],
      ...inputs.slice(4),
      ...x264,
      '-s',
      '96x54',
      '-c:a',
      'aac',
      '-b:a',
      '48k',
      'other.mp4',
    ]);
    recorded = broadcastOf(await readFile(join(folder, 'recorded.ts')), T0);
  });
  after(async () => {
    await closeEngine();
    await rm(folder, { recursive: true, force: true });
  });

  /** Heals all gaps of a recording; what the source found for each. */
  async function heal(name: string, file: Partial<MediaFile>) {
    const found = new Map<FileGap, Awaited<ReturnType<typeof readFound>>>();
    const view = await healFromFile(
      {
        measureLevels,
        missing: async () => gaps,
        async heal(range, source: HealingSource) {
          assert.match(source.name, /^file ./);
          assert.equal(labelOf(source.name), 'file');
          const gap: HealingGap = { fromMs: range.fromUs / 1000, toMs: range.toUs / 1000, cause: 'offline' };
          const result = await source.find(gap, surroundingsOf(recorded, gap), {
            maxBytes: 1e9,
            maxMs: 60_000,
            signal,
          });
          const missingUs = range.toUs - range.fromUs;
          if (result.kind === 'nothing') return { healedUs: 0, missingUs, reason: result.reason };
          found.set(range, await readFound(result));
          return { healedUs: missingUs, missingUs: 0, reason: '' };
        },
      },
      { path: join(folder, name), name, atMs: undefined, zone, ...file },
      { signal },
    );
    return { view, found };
  }

  const spans = ({ found }: Awaited<ReturnType<typeof heal>>) => gaps.map((gap) => found.has(gap));

  /** Asserts that both gaps of the file were filled within an error. */
  async function assertFilled({ found }: Awaited<ReturnType<typeof heal>>, errorMs: number): Promise<void> {
    for (const gap of gaps.slice(0, 2)) {
      const range = { fromMs: gap.fromUs / 1000, toMs: gap.toUs / 1000 };
      await assertHealed(found.get(gap)!, recorded, range, errorMs);
    }
  }

  test('whose start is given, a little wrong, is placed exactly by its frames', async () => {
    const result = await heal('card.mp4', { atMs: T0 + 30_000 - 7_300 });
    assert.deepEqual(spans(result), [true, true, false]);
    await assertFilled(result, 1);
    assert.equal(result.view.clock, 'given');
    assert.ok(Math.abs(result.view.seconds - Number(CARD.seconds)) < 1.1, String(result.view.seconds));
    assert.deepEqual(
      result.view.gaps.map(({ from, missing }) => [from, missing]),
      [
        ['2026-11-30T12:01:00.000Z', 0],
        ['2026-11-30T12:01:40.000Z', 0],
      ],
    );
  });

  test('is placed by the time in its name', async () => {
    const result = await heal('card.mp4', { name: 'CAM_20261130_120029.mp4' });
    assert.equal(result.view.clock, 'name');
    await assertFilled(result, 1);
  });

  test('without a clock, and with one that is wrong by hours, is placed by its media', async () => {
    for (const name of ['clip.mp4', 'CAM_20261130_030000.mp4']) {
      const result = await heal('card.mp4', { name });
      assert.equal(result.view.clock, 'media', JSON.stringify(result.view));
      assert.deepEqual(spans(result), [true, true, false]);
      await assertFilled(result, 1);
    }
  });

  test('of another encode without a clock is placed by its sound, within a frame', async () => {
    const { view, found } = await heal('other.mp4', { name: 'clip.mp4' });
    assert.equal(view.clock, 'media');
    for (const gap of gaps.slice(0, 2)) {
      const { runs, frames } = found.get(gap)!;
      assert.equal(runs[0]?.exactness.kind, 'sound');
      const pictures = frames.filter(({ kind }) => kind === 'video').map(({ utcMs }) => utcMs);
      const first = pictures.find((ms) => ms >= T0 + 35_000)!;
      const offset = (first - T0) % 40;
      assert.ok(Math.min(offset, 40 - offset) <= 20, `pictures are at ${offset} ms`);
    }
    assert.ok(Math.abs(Date.parse(view.start!) - (T0 + 30_000)) <= 40, view.start ?? '');
  });

  test('of another time, or no media file at all, heals nothing and says why', async () => {
    const { view } = await heal('card.mp4', { atMs: T0 - 86_400_000 });
    assert.deepEqual(view.gaps, []);
    await writeFile(join(folder, 'text.mp4'), 'this is no film');
    await assert.rejects(heal('text.mp4', { atMs: T0 }), { name: 'FormatError' });
    await rename(join(folder, 'text.mp4'), join(folder, 'text'));
  });
});
