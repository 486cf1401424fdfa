import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HealthReport, mountRefusal, newestSegment, recordedSegments } from '../fixtures/disks/failing-disk.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const mountless = mountRefusal();

// The disk without space below shows the same where it can be mounted.
(mountless === undefined ? fullTest : test)(
  'a full disk stops the recording but not live viewers, and all messages have the setting',
  async () => {
    await using folder = await openFolder('full');
    const args = ['--min-free', '900T', ...smallPicture];
    await using server = await startServer({ data: join(folder.path, 'data'), args });
    await until('it is live', async () => {
      const { state, problem } = await server.stream('demo');
      return state === 'live' && problem !== '';
    });
    assert.match((await server.stream('demo')).problem, /record\.minFree \(--min-free\)/);
    const list = Buffer.from(await server.bytes('/live/demo/index.m3u8')).toString();
    assert.match(list, /^#EXTM3U/);
    for (const path of ['/ready', '/health']) {
      const { status, checks } = await server.json<HealthReport>(path);
      assert.equal(status, 'degraded', path);
      const disk = checks.find(({ name }) => name === 'disk');
      assert.equal(disk?.status, 'degraded');
      assert.match(disk?.detail ?? '', /Recording is paused: .*record\.minFree \(--min-free\)/);
    }
    const said = server.log('error').filter(({ msg }) => msg.includes('record.minFree (--min-free)'));
    assert.equal(said.length, 1);
    const gaps = await until('the lost segment is a gap', async () => {
      const timeline = await server.timeline('demo');
      return timeline.gaps.length > 0 && timeline.gaps;
    });
    assert.deepEqual([gaps[0]!.cause, gaps[0]!.detail.includes('record.minFree')], ['disk', true]);
  },
);

const shortSegments = ['--hls-segment-duration', '1s'] as const;
const WRITE_FAILS = /\(--data\) is full, broken or read-only/;

/**
 * A disk that fails while it records, and is well again: live continues, what was recorded stays, the loss is
 * a gap, recording resumes.
 */
async function failAndHeal(
  server: Server,
  { fail, heal, problem }: { fail(): unknown; heal(): unknown; readonly problem: RegExp },
): Promise<void> {
  await server.stream('demo');
  await until('it is recorded', async () => (await server.stream('demo')).recorded.seconds >= 2);
  const before = await recordedSegments(server);
  const { msn } = await newestSegment(server);
  await fail();
  await until('the stream names the setting', async () => problem.test((await server.stream('demo')).problem));
  await until('live continues', async () => {
    const newest = await newestSegment(server);
    return newest.msn >= msn + 3 && newest.bytes > 1000;
  });
  assert.equal((await server.fetch('/ready')).status, 200);
  const disk = (await server.json<HealthReport>('/health')).checks.find(({ name }) => name === 'disk');
  assert.equal(disk?.status, 'degraded');
  assert.match(disk?.detail ?? '', problem);
  assert.ok(server.log('error').length > 0);
  await heal();
  await until('recording has resumed', async () => (await server.stream('demo')).problem === '', { withinMs: 30_000 });
  const after = await recordedSegments(server);
  for (const [path, crc] of before) assert.equal(after.get(path), crc, path);
  assert.ok(after.size > before.size, 'there is more media');
  const gaps = await until('the loss is a gap', async () => {
    const timeline = await server.timeline('demo');
    return timeline.gaps.length > 0 && timeline.gaps;
  });
  assert.deepEqual([...new Set(gaps.map(({ cause }) => cause))], ['disk']);
  const bugs = server.log('error').filter((line) => /bug/.test(line.msg));
  assert.deepEqual(bugs, []);
}

test('a disk without space: live continues, and recording resumes by itself when there is space again', {
  skip: mountless ?? false,
}, async () => {
  await using folder = await openFolder('small-disk');
  const disk = join(folder.path, 'disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
  try {
    const args = ['--min-free', '0', ...smallPicture, ...shortSegments];
    await using server = await startServer({ data: join(disk, 'data'), args });
    await failAndHeal(server, {
      async fail() {
        await using filler = await open(join(disk, 'filler'), 'w');
        const piece = Buffer.alloc(65_536);
        for (let isFull = false; !isFull; ) {
          isFull = await filler.write(piece).then(
            ({ bytesWritten }) => bytesWritten < piece.length,
            () => true,
          );
        }
      },
      heal: () => rm(join(disk, 'filler')),
      problem: /record\.minFree \(--min-free\)|\(--data\)/,
    });
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});

fullTest(
  'a disk that takes no writes: live continues, and recording resumes by itself',
  {
    skip: need('prlimit'),
  },
  async () => {
    await using folder = await openFolder('no-writes');
    const args = [...smallPicture, ...shortSegments];
    await using server = await startServer({ data: join(folder.path, 'data'), args });
    // Node ignores SIGXFSZ, so each write beyond the first byte of a file fails.
    const limit = (size: string) => execFileSync(pathOf('prlimit')!, ['--pid', String(server.pid), `--fsize=${size}:`]);
    await failAndHeal(server, { fail: () => limit('1'), heal: () => limit('unlimited'), problem: WRITE_FAILS });
  },
);

fullTest('no free file descriptors: no crash, and recording resumes by itself', { skip: need('prlimit') }, async () => {
  await using folder = await openFolder('descriptors');
  const args = [...smallPicture, ...shortSegments];
  await using server = await startServer({
    data: join(folder.path, 'data'),
    args,
    adminToken: 'let-me-in-please',
    sample: false,
  });
  const send = async (method: string, path: string, content: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const response = await server.fetch(path, { method, headers, body: JSON.stringify(content) });
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
  };
  await send('POST', '/api/v1/streams', { name: 'door', source: { type: 'test' } });
  await server.stream('door');
  await until('it is recorded', async () => (await server.stream('door')).recorded.seconds >= 2);
  const before = await recordedSegments(server, 'door');
  const limit = (count: number) =>
    execFileSync(pathOf('prlimit')!, ['--pid', String(server.pid), `--nofile=${count}:`]);
  const record = (isOn: boolean) => send('PATCH', '/api/v1/streams/door', { record: isOn });
  const report = () => server.log('error').find((line) => line.cause === 'disk' && /EMFILE/.test(String(line.detail)));
  // The recorder opens a file with the next segment; another attempt where that came before the limit.
  for (let attempt = 1; !report() && attempt <= 5; attempt++) {
    await record(false);
    await record(true);
    limit(3); // what is open stays open; no client can connect now
    await until('the recorder reports it', report, { withinMs: 10_000 }).catch(() => undefined);
    limit(1024);
  }
  assert.ok(report(), 'the recorder reports that it has no descriptor');
  const { seconds } = (await server.stream('door')).recorded;
  await until('recording has resumed', async () => (await server.stream('door')).recorded.seconds > seconds + 2);
  const after = await recordedSegments(server, 'door');
  for (const [path, crc] of before) assert.equal(after.get(path), crc, path);
  const { gaps } = await server.timeline('door');
  assert.deepEqual([...new Set(gaps.map(({ cause }) => cause))], ['disk']);
});
