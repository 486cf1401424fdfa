// Waits for wall time: the process is real, so a test waits for its frames and its end. Its frames are tested
// on virtual time in child/test-picture/test-picture.test.ts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { Frame, Track } from '@oxbow/media/frame';
import { sleep } from '../lib/abort.ts';
import { closeEngine, enginePid, engineVersion, openTestPicture } from './engine.ts';
import { EngineClient } from './engine-client.ts';
import { openShared } from './test-picture.ts';
import { testPictureDefaults } from './test-picture-options.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

suite('the test picture', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-test-'));
  });
  after(async () => {
    await closeEngine();
    await rm(folder, { recursive: true, force: true });
  });

  test('sends tracks, then frames of both whose pts is UTC', async () => {
    const beganMs = Date.now();
    const enough = Promise.withResolvers<void>();
    const seen: (readonly Track[] | Frame)[] = [];
    const output = {
      tracks: (tracks: readonly Track[]) => void seen.push(tracks),
      frame(frame: Frame) {
        seen.push(frame);
        if ([1, 2].every((id) => seen.some((each) => 'trackId' in each && each.trackId === id))) enough.resolve();
      },
    };
    await using picture = await openTestPicture({ name: 'demo' }, output, { signal });
    await Promise.race([enough.promise, picture.ended.then((why) => assert.fail(why))]);
    const [tracks, ...frames] = seen as [readonly Track[], ...Frame[]];
    assert.deepEqual(
      tracks.map(({ kind }) => kind),
      ['video', 'audio'],
    );
    const first = frames.find(({ trackId }) => trackId === 1)!;
    assert.equal(first.key, true);
    // Both processes read the clock of the system; a second is for its steps.
    assert.ok(first.pts / 90 > beganMs - 1000 && first.pts / 90 < Date.now() + 1000);
  });

  test('abort ends the process; an abort before the start starts none', async () => {
    const stop = new AbortController();
    const output = { tracks: () => {}, frame: () => {} };
    const picture = await openTestPicture({ name: 'demo' }, output, { signal: stop.signal });
    stop.abort();
    assert.equal(await picture.ended, 'stopped');
    assert.equal(alive(picture.pid), false);
    await assert.rejects(openTestPicture({ name: 'demo' }, output, { signal: stop.signal }), { name: 'AbortError' });
  });

  test('when oxbow is killed, the process ends, and the next oxbow removes its folder', {
    skip: process.platform !== 'linux',
  }, async () => {
    const engine = new URL('./engine.ts', import.meta.url).href;
    const script = `
      import { openTestPicture } from ${JSON.stringify(engine)};
      // Stopped, it cannot notice the end of its input and remove its folder itself.
      const frame = () => { console.log(picture.pid); process.kill(picture.pid, 'SIGSTOP'); process.kill(process.pid, 'SIGKILL'); };
      const { signal } = new AbortController();
      const picture = await openTestPicture({ name: 'demo' }, { tracks: () => {}, frame }, { signal });`;
    const env = { ...process.env, TMPDIR: await mkdtemp(join(folder, 'tmp-')) };
    const parent = run(process.execPath, ['--input-type=module', '-e', script], { env });
    const killed = await parent.then(
      () => assert.fail('it was killed'),
      (error: { stdout: string }) => error,
    );
    const pid = Number(killed.stdout);
    assert.ok(pid > 0);
    // A process whose exit status was not collected yet is a zombie, state Z.
    const runs = () =>
      readFile(`/proc/${pid}/stat`, 'utf8').then(
        (stat) => !/\) [ZX] /.test(stat),
        () => false,
      );
    while (await runs()) await sleep(5, { signal });
    assert.equal((await readdir(env.TMPDIR)).length, 1);
    const next = `
      import { openTestPicture } from ${JSON.stringify(engine)};
      const { signal } = new AbortController();
      await using picture = await openTestPicture({ name: 'demo' }, { tracks: () => {}, frame: () => {} }, { signal });`;
    await run(process.execPath, ['--input-type=module', '-e', next], { env });
    assert.deepEqual(await readdir(env.TMPDIR), []);
  });

  test('an exception of the receiver ends the process and rejects `ended`', async () => {
    const output = {
      tracks: () => {
        throw new RangeError('our bug');
      },
      frame: () => assert.fail('nothing comes after'),
    };
    const picture = await openTestPicture({ name: 'demo' }, output, { signal });
    await assert.rejects(picture.ended, RangeError);
    assert.equal(alive(picture.pid), false);
  });

  test('invalid options are refused', async () => {
    const output = { tracks: () => {}, frame: () => {} };
    for (const wrong of [{ width: 641 }, { height: 10 }, { frameRate: { num: 500, den: 1 } }, { bFrames: 9 }]) {
      await assert.rejects(openTestPicture({ name: 'demo', ...wrong }, output, { signal }), { code: 'engine-failed' });
    }
  });

  test('a small one is in the process that all streams share, a second or a large one in its own', async () => {
    await engineVersion({ signal });
    const output = { tracks: () => {}, frame: () => {} };
    await using shared = await openTestPicture({ name: 'demo' }, output, { signal });
    await using second = await openTestPicture({ name: 'demo' }, output, { signal });
    await shared[Symbol.asyncDispose]();
    await using large = await openTestPicture({ name: 'demo', width: 1280, height: 720 }, output, { signal });
    assert.equal(shared.pid, enginePid());
    assert.notEqual(second.pid, enginePid());
    assert.notEqual(large.pid, enginePid());
  });

  test('after a crash of the shared process its frames continue without a gap, and without new tracks', async () => {
    await using engine = new EngineClient({ moveEveryMs: 0 });
    const frames: Frame[] = [];
    let [tracks, wanted] = [0, Promise.withResolvers<void>()];
    const output = {
      tracks: () => void tracks++,
      frame(frame: Frame) {
        frames.push({ ...frame, data: new Uint8Array() });
        if (frames.length >= 60) wanted.resolve();
      },
    };
    const picture = await openShared(engine, { ...testPictureDefaults, name: 'demo' }, output, { signal });
    await wanted.promise;
    frames.splice(0, 30);
    wanted = Promise.withResolvers();
    process.kill(picture!.pid, 'SIGKILL');
    await wanted.promise;
    assert.notEqual(engine.pid, picture!.pid);
    await picture![Symbol.asyncDispose]();
    for (const [trackId, distance] of [
      [1, 3_600],
      [2, 1_024],
    ]) {
      const times = frames.filter((frame) => frame.trackId === trackId).map(({ dts }) => dts);
      assert.deepEqual(new Set(times.slice(1).map((dts, i) => dts - times[i]!)), new Set([distance]));
    }
    assert.equal(tracks, 1);
    assert.equal(engine.pid, undefined);
  });
});
