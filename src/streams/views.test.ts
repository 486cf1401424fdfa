import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { createMetrics } from '../observe/metrics.ts';
import { checkDisk, WRITE_FAILS, watchDisk } from './disk.ts';
import { timeOf, withoutAddresses } from './public-values.ts';
import { frameCounter } from './source/frame-counter.ts';

const source = { type: 'pull', url: 'https://u:p@cam.example:8443/a/live.m3u8', headers: {} } as const;

test('problems do not contain addresses', () => {
  for (const [text, expected] of [
    ['HTTP 404 seg81.ts', 'HTTP 404 seg81.ts'],
    ['HTTP 404 https://cdn.example/tok3n/seg81.ts?x=1#y', 'HTTP 404 seg81.ts'],
    ['https://cam.example:8443/: socket hang up', 'the source: socket hang up'],
    ['"https://a.example/x/y.m3u8" and (http://b.example/z.ts)', '"y.m3u8" and (z.ts)'],
    ['the name cam.example cannot be resolved (ENOTFOUND)', 'the name the source cannot be resolved (ENOTFOUND)'],
    ['cam.example:8443 refuses connections', 'the source refuses connections'],
    ['srt://10.0.0.1:9000', 'the source'],
    ['', ''],
  ] as const) {
    assert.equal(withoutAddresses(text, source), expected);
  }
  assert.equal(withoutAddresses('cam.example is down', { type: 'test' }), 'cam.example is down');
});

test('times are milliseconds, to the nearest', () => {
  assert.equal(
    timeOf(1_795_000_000_000_499),
    '2026-11-18T09:46:40.000Z'.replace(/T.*/, timeOf(1_795_000_000_000_000).slice(10)),
  );
  assert.equal(timeOf(1_795_000_000_000_500), timeOf(1_795_000_000_001_000));
});

test('frames are counted in steps, and to the last one when a run ends', async () => {
  using metrics = createMetrics();
  const sink = frameCounter(metrics, 'door');
  const count = async () => (await metrics.frames.get()).values[0]?.value ?? 0;
  for (let i = 0; i < 100; i++) sink.write({} as never);
  assert.equal(await count(), 64);
  sink.endRun();
  assert.equal(await count(), 100);
});

test('the disk is measured before anything is recorded, and is not watched after abort', async () => {
  const keepingFree = (minFree: number | undefined) => ({ now: { record: { minFree } } });
  const controller = new AbortController();
  const options = { signal: controller.signal, failed: assert.fail as (error: unknown) => void };
  const roomy = await watchDisk(tmpdir(), keepingFree(0), options);
  assert.ok(roomy.now().total >= roomy.now().free && roomy.now().free > 0);
  assert.equal(roomy.now().hasRoom, true);
  const tight = await watchDisk(tmpdir(), keepingFree(Number.MAX_SAFE_INTEGER), options);
  assert.equal(tight.now().hasRoom, false);
  assert.match(checkDisk(roomy.now(), []), /^\d+\.\d GB of \d+\.\d GB are free$/);
  assert.throws(() => checkDisk(roomy.now(), [{ problem: WRITE_FAILS }]), {
    code: 'not-ready',
    message: /\(--data\) is full, broken or read-only\. The log has the error; \d/,
  });
  assert.throws(() => checkDisk(tight.now(), []), {
    message: /^Recording is paused: .* record\.minFree \(--min-free\) is/,
  });
  controller.abort();
  await Promise.all([roomy.done, tight.done]);
  await assert.rejects(watchDisk('/no/such/folder', keepingFree(undefined), options), { code: 'ENOENT' });
});
