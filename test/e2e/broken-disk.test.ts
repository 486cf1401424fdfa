/**
 * Disks that are full before oxbow starts, and file systems that turn read-only while it records: real ones,
 * with ext4 in a file.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HealthReport, mountRefusal, newestSegment, recordedSegments } from '../fixtures/disks/failing-disk.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const args = [...smallPicture, '--hls-segment-duration', '1s'];
const cannotMount = mountRefusal() ?? false;
const cannotAbort = cannotMount || need('mkfs.ext4');

const record = (server: Server, name: string, seconds: number) =>
  until(`${seconds} s of ${name} are recorded`, async () => {
    const { recorded } = await server.stream(name);
    return recorded.seconds >= seconds;
  });

/** Live media continues. */
async function assertLive(server: Server): Promise<void> {
  const { msn } = await newestSegment(server);
  await until('live continues', async () => {
    const newest = await newestSegment(server);
    return newest.msn >= msn + 2 && newest.bytes > 1000;
  });
  assert.equal((await server.fetch('/ready')).status, 200);
}

/** Everything recorded before has the same bytes. */
async function assertKept(server: Server, before: ReadonlyMap<string, number>, name?: string): Promise<void> {
  const after = await recordedSegments(server, name);
  for (const [path, crc] of before) assert.equal(after.get(path), crc, path);
}

/** An ext4 in a file. As after an error of the disk, `abort` makes it read-only under open files. */
async function openExt4(image: string, at: string) {
  await mkdir(at);
  await (await open(image, 'w')).close();
  await truncate(image, 64 * 1024 * 1024);
  execFileSync(pathOf('mkfs.ext4')!, ['-q', image]);
  const mount = () => execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, at]);
  const umount = () => execFileSync('umount', ['--lazy', at]);
  mount();
  return {
    abort: () => execFileSync('mount', ['-o', 'remount,abort', at]),
    again: () => {
      umount();
      mount();
    },
    [Symbol.dispose]: umount,
  };
}

test('a disk that is full before the start: oxbow starts from its reserve, live works, and recording begins by itself', {
  skip: cannotMount,
}, async () => {
  await using folder = await openFolder('full-at-start');
  const disk = join(folder.path, 'disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
  try {
    const options = { data: join(disk, 'data'), args: [...args, '--min-free', '4M'] };
    let before: ReadonlyMap<string, number>;
    {
      await using server = await startServer(options);
      await server.stream('demo');
      await record(server, 'demo', 2);
      before = await recordedSegments(server);
    }
    {
      await using filler = await open(join(disk, 'filler'), 'w');
      // The last pieces one page at a time, until there is none.
      for (const size of [65_536, 4096]) {
        const piece = Buffer.alloc(size);
        for (let isFull = false; !isFull; ) {
          isFull = await filler.write(piece).then(
            ({ bytesWritten }) => bytesWritten < size,
            () => true,
          );
        }
      }
    }
    await using server = await startServer(options);
    const { problem } = await until('the stream says why it is not recorded', async () => {
      const stream = await server.stream('demo');
      return stream.problem !== '' && stream;
    });
    assert.match(problem, /record\.minFree \(--min-free\)/);
    await assertLive(server);
    await assertKept(server, before);
    await rm(join(disk, 'filler'));
    await until('recording has begun', async () => (await server.stream('demo')).problem === '');
    await until('there is more media', async () => (await recordedSegments(server)).size > before.size);
    await assertKept(server, before);
    assert.deepEqual([...new Set((await server.timeline('demo')).gaps.map(({ cause }) => cause))], ['disk']);
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});

test('a data folder that turns read-only: live continues, oxbow ends in order, and the next start has what was recorded', {
  skip: cannotAbort,
}, async () => {
  await using folder = await openFolder('read-only');
  const disk = join(folder.path, 'disk');
  using ext4 = await openExt4(join(folder.path, 'image'), disk);
  const options = { data: join(disk, 'data'), args: [...args, '--min-free', '0'] };
  let before: ReadonlyMap<string, number>;
  {
    await using server = await startServer(options);
    await server.stream('demo');
    await record(server, 'demo', 2);
    before = await recordedSegments(server);
    ext4.abort();
    const says = /\(--data\) is full, broken or read-only/;
    await until('the stream says so', async () => says.test((await server.stream('demo')).problem));
    await assertLive(server);
    const disk = (await server.json<HealthReport>('/health')).checks.find(({ name }) => name === 'disk');
    assert.equal(disk?.status, 'degraded');
    assert.match(disk?.detail ?? '', says);
    assert.ok(server.log('error').some((line) => JSON.stringify(line).includes('EROFS')));
    await assertKept(server, before);
    assert.deepEqual(
      server.log('error').filter(({ msg }) => /bug/.test(msg)),
      [],
    );
  }
  ext4.again();
  await using server = await startServer(options);
  await server.stream('demo');
  await record(server, 'demo', 3);
  await assertKept(server, before);
});

test('a folder of recordings that turns read-only: its stream alone pauses, and resumes when it is mounted again', {
  skip: cannotAbort,
}, async () => {
  await using folder = await openFolder('read-only-folder');
  const [disk, settings] = ['disk', 'oxbow.yaml'].map((name) => join(folder.path, name)) as [string, string];
  using ext4 = await openExt4(join(folder.path, 'image'), disk);
  await mkdir(join(disk, 'oxbow'));
  const source = { source: { type: 'test' } };
  const folders = { second: { path: join(disk, 'oxbow'), streams: 'demo' } };
  await writeFile(settings, JSON.stringify({ streams: { demo: source, other: source }, storage: { folders } }));
  await using server = await startServer({
    data: join(folder.path, 'data'),
    sample: false,
    args: [...args, '--min-free', '0', '--config', settings],
  });
  await Promise.all(['demo', 'other'].map((name) => record(server, name, 2)));
  const before = await recordedSegments(server);
  ext4.abort();
  await until('the stream says so', async () => /read-only|missing/.test((await server.stream('demo')).problem));
  await assertLive(server);
  await assertKept(server, before);
  ext4.again();
  await until('recording has resumed', async () => (await server.stream('demo')).problem === '');
  const { seconds } = (await server.stream('demo')).recorded;
  await record(server, 'demo', seconds + 1);
  await assertKept(server, before);
  const causes = async (name: string) => [...new Set((await server.timeline(name)).gaps.map(({ cause }) => cause))];
  assert.deepEqual([await causes('demo'), await causes('other')], [['disk'], []]);
});
