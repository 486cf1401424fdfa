import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

/** How oxbow ends before it is started again. */
const ENDS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGTERM'];

/** Addresses of another oxbow: fragmented MP4 with parts, MPEG-TS in whole segments. */
const FORMS = { parts: 'index.m3u8', whole: 'ts/index.m3u8' };

suite('a pull of another oxbow', { skip: need('ffmpeg') }, () => {
  test('has each picture once after restarts and kills, with parts and without, in fragmented MP4 and MPEG-TS', async () => {
    await using folder = await openFolder('pull-restart');
    const picture = ['--test-picture-width', '160', '--test-picture-height', '90'];
    await using origin = await startServer({ data: join(folder.path, 'origin'), args: picture });
    await origin.stream('demo');
    const args = Object.entries(FORMS).map(([name, form]) => `${name}=${origin.url}/live/demo/${form}`);
    const endMs = async (server: Server, name: string) =>
      Date.parse((await server.stream(name)).recorded.to ?? '1970-01-01T00:00:00Z');
    const startAgain = async () => {
      const server = await startServer({ data: join(folder.path, 'data'), args });
      const nowMs = Date.now();
      for (const name of Object.keys(FORMS))
        await until(`${name} is recorded`, async () => (await endMs(server, name)) > nowMs);
      return server;
    };
    for (const signal of ENDS) {
      await using server = await startAgain();
      await server.stop(signal);
    }
    await using server = await startAgain();
    const clip = async (of: Server, name: string, fromMs: number, toMs: number) => {
      const file = join(folder.path, `${name}.mp4`);
      await writeFile(file, await of.bytes(`/clip/${name}/${fromMs}/${toMs}.mp4`));
      return pictureHashes(file);
    };
    for (const name of Object.keys(FORMS)) {
      const timeline = await server.timeline(name);
      assertCovered(timeline);
      assert.deepEqual(timeline.gaps, [], name);
      const { from, to } = (await server.stream(name)).recorded;
      const [fromMs, toMs] = [Date.parse(from!), Date.parse(to!)];
      const copy = await clip(server, name, fromMs, toMs);
      await until('the origin has recorded as much', async () => (await endMs(origin, 'demo')) >= toMs);
      const source = await clip(origin, 'demo', fromMs, toMs);
      const at = source.indexOf(copy[0]!);
      assert.ok(at >= 0, 'the first picture is one of the origin');
      assert.deepEqual(copy, source.slice(at, at + copy.length), name);
    }
    assert.deepEqual(server.log('error'), []);
  });
});
