import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { SOUND_RATE, speech } from '@oxbow/media/align/sound.fixture';
import { need } from '../../../../test/fixtures/need.ts';
import { closeEngine, measureLevels } from '../../../ffmpeg/engine.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { createNet } from '../../../net/net.ts';
import { createSilentLog } from '../../../observe/log.ts';
import type { GapSurroundings, HealingGap } from '../source.ts';
import { type Broadcast, broadcastOf, readFound, surroundingsOf } from '../surroundings.fixture.ts';
import { createSecondSource } from './second-source.ts';

const signal = new AbortController().signal;
const T0 = Date.UTC(2026, 10, 30);
const SECONDS = 120;
const FRAME_MS = 40;
const gap: HealingGap = { fromMs: T0 + 50_000, toMs: T0 + 61_000, cause: 'source-silent' as HealingGap['cause'] };

suite('a second source', { skip: need('ffmpeg') }, () => {
  let folder = '';
  let recorded: Broadcast;
  let playlist = '';
  /** UTC of pts 0 of the second encode: its first picture is that of the recording. */
  let trueOffsetUs = 0;
  const net = createNet({ allow: [] });
  const server = createServer(async (request, response) => {
    const name = (request.url ?? '').slice(1).split('?')[0]!;
    if (name.endsWith('.m3u8')) response.end(playlist);
    else response.end(await readFile(join(folder, name)));
  });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-test-'));
    const sound = speech(49, SECONDS);
    await writeFile(join(folder, 'sound.f32'), new Uint8Array(sound.buffer));
    const inputs = [
      ...['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=25:duration=${SECONDS}`],
      ...['-f', 'f32le', '-ar', String(SOUND_RATE), '-ac', '1', '-i', join(folder, 'sound.f32')],
    ];
    const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
    const run = (args: readonly string[]) =>
      execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...args], { cwd: folder });
    run([...inputs, ...x264, '-g', '50', '-c:a', 'aac', '-b:a', '96k', '-ar', '48000', 'recorded.ts']);
    const other = ['-s', '96x54', '-g', '24', '-crf', '35', '-c:a', 'aac', '-b:a', '48k', '-ar', '44100', '-ac', '1'];
    const hls = ['-f', 'hls', '-hls_time', '4', '-hls_list_size', '0', '-hls_playlist_type', 'vod', 'second.m3u8'];
    run([...inputs, ...x264, ...other, ...hls]);
    recorded = broadcastOf(await readFile(join(folder, 'recorded.ts')), T0);
    trueOffsetUs = broadcastOf(await readFile(join(folder, 'second0.ts')), T0).utcOffsetUs;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await net.close();
    await closeEngine();
    await rm(folder, { recursive: true, force: true });
  });

  /** Heals from the second source, whose dates are ahead by this much. */
  async function heal(aheadMs: number, around: GapSurroundings) {
    const text = await readFile(join(folder, 'second.m3u8'), 'utf8');
    const date = `#EXT-X-PROGRAM-DATE-TIME:${new Date(T0 + aheadMs).toISOString()}`;
    playlist = text.replace('#EXTINF', `${date}\n#EXTINF`);
    const { port } = server.address() as AddressInfo;
    const source = createSecondSource({
      name: 'second',
      url: `http://127.0.0.1:${port}/second.m3u8`,
      net,
      clock: createManualClock(gap.toMs + 60_000),
      log: createSilentLog(),
      trusted: true,
      measureLevels,
    });
    return source.find(gap, around, { maxBytes: 1e9, maxMs: 60_000, signal });
  }

  for (const aheadMs of [0, 30_000, -29_370, 4321]) {
    test(`of another encode, shifted by ${aheadMs} ms, is placed within one frame`, async (context) => {
      const found = await heal(aheadMs, surroundingsOf(recorded, gap));
      assert.ok(found.kind === 'found', JSON.stringify(found));
      const { runs, frames } = await readFound(found);
      assert.deepEqual(
        runs.map(({ exactness }) => exactness.kind),
        ['sound'],
      );
      const pictures = frames.filter(({ kind }) => kind === 'video').map(({ utcMs }) => utcMs);
      const within = pictures.filter((ms) => ms >= gap.fromMs && ms < gap.toMs);
      assert.ok(within.length >= 274 && within.length <= 276, `${within.length} pictures`);
      const errorMs = Math.abs(runs[0]!.utcOffsetUs - trueOffsetUs) / 1000;
      assert.ok(errorMs <= FRAME_MS, `the offset is wrong by ${errorMs} ms`);
      context.diagnostic(`wrong by ${errorMs.toFixed(1)} ms`);
    });
  }

  test('of another programme has nothing, and says why', async () => {
    // What the recording has at that time the source has a minute later: further away than it is searched.
    const later = { ...recorded, utcOffsetUs: recorded.utcOffsetUs - 60_000_000 };
    const found = await heal(0, surroundingsOf(later, gap));
    assert.ok(found.kind === 'nothing');
    assert.equal(found.reason, 'its sound differs from the recording');
  });
});
