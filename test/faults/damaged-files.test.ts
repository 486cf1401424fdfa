import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { scanChunk } from '../../src/archive/chunk-reader.ts';
import { openLocalSegmentStore } from '../../src/archive/local-segment-store.ts';
import { segmentLocation } from '../../src/archive/segment-store.ts';
import type { HealthReport } from '../../src/observe/health.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { readMedia, resolvePath } from '../fixtures/playlists.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder, runOxbow, type Server, startServer } from '../fixtures/server.ts';
import { perRequest, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'a-token-for-tests';
const NAMES = ['hurt', 'well'] as const;
const ALLOWED = new Set([200, 404, 410]);

/** What a server answers to a path. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly hash: string;
}

/** The chunk files of a stream in order, relative to the data folder. */
async function filesOf(data: string, id: string): Promise<string[]> {
  const all = await readdir(join(data, 'recordings', id), { recursive: true });
  return all
    .filter((name) => name.endsWith('.mp4'))
    .map((name) => `recordings/${id}/${name}`)
    .sort();
}

async function answerOf(server: Server, path: string): Promise<Answer> {
  const response = await server.fetch(path);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { status: response.status, type: response.headers.get('content-type') ?? '', hash };
}

/** Every segment that the windows of a stream list, in all renditions. */
async function listed(server: Server, name: string, range: string): Promise<string[]> {
  const found = new Set<string>();
  for (const { from, to } of (await server.timeline(name, range)).windows) {
    for (const rendition of ['av0', 'v0', 'a0', 'ts']) {
      const list = `/vod/${name}/${from}/${to}/${rendition}.m3u8`;
      const { segments } = (await readMedia(server, list)).list;
      for (const { uri } of segments) found.add(resolvePath(uri, list));
    }
  }
  return [...found].sort();
}

async function answers(server: Server, paths: readonly string[]): Promise<Map<string, Answer>> {
  const found = new Map<string, Answer>();
  for (const path of paths) found.set(path, await answerOf(server, path));
  return found;
}

const msnOf = (path: string) => Number(/(\d+)\.(?:m4s|ts)$/.exec(path)?.[1]);

/** Flips one bit in the middle of the video of a segment. */
async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    byte[0]! ^= 16;
    await handle.write(byte, 0, 1, at);
  } finally {
    await handle.close();
  }
}

interface Verified {
  readonly ok: boolean;
  readonly damagedSegments: number;
  readonly findings: readonly { readonly file: string; readonly problem: string; readonly segments: number }[];
}

async function verify(data: string, ...args: string[]): Promise<Verified & { readonly code: number | null }> {
  const { code, stdout, stderr } = await runOxbow([
    'doctor',
    '--verify',
    '--rate',
    'off',
    '--json',
    '--data',
    data,
    ...args,
  ]);
  assert.ok(stdout.startsWith('{'), stdout + stderr);
  return { ...(JSON.parse(stdout) as Verified), code };
}

suite('damaged files', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  /** A data folder with three files of each stream; tests work on copies. */
  let recorded: string;
  let config: string;
  let range: string;
  let ids: Record<string, string>;
  let intact: Map<string, Answer>;
  const serve = (data: string, ...args: string[]) =>
    startServer({ data, adminToken: ADMIN, args: ['--config', config, '--record-verify-every', '0s', ...args] });

  before(async () => {
    folder = await openFolder('damaged-files');
    recorded = join(folder.path, 'recorded');
    config = join(folder.path, 'oxbow.yaml');
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: 12, size: '128x72' });
    await using origin = await openOrigin({ folder: media });
    const sinceMs = Date.now() - 60_000;
    await writeFile(config, 'record: { storyboard: false }\n');
    for (let life = 0; life < 3; life++) {
      const released = perRequest({ first: 4, step: 2 });
      const url = await putSlidingList(origin, { folder: media, window: 4, released });
      const sources = NAMES.map((name) => `${name}=${url}`);
      await using server = await startServer({
        data: recorded,
        adminToken: ADMIN,
        args: ['--config', config, ...sources],
      });
      for (const name of NAMES) await server.stream(name, 'over');
      await server.stop();
    }
    ids = {};
    for (const id of await readdir(join(recorded, 'recordings'))) {
      const identity = await readFile(join(recorded, 'recordings', id, 'stream.json'), 'utf8');
      ids[(JSON.parse(identity) as { name: string }).name] = id;
    }
    // The source is faster than time: what it sent last is in the future.
    range = `?from=${sinceMs}&to=${Date.now() + 60_000}`;
    await using server = await serve(recorded);
    const paths: string[] = [];
    for (const name of NAMES) {
      paths.push(...(await listed(server, name, range)));
    }
    intact = await answers(server, paths);
    assert.ok([...intact.values()].every(({ status }) => status === 200));
    assert.ok(intact.size > 60, `${intact.size} segments`);
  });
  after(() => folder[Symbol.asyncDispose]());

  /**
   * A copy of the recording whose stream `hurt` has a flipped bit, a file that lost its end, and one that is
   * gone.
   */
  async function damage(name: string) {
    const data = join(folder.path, name);
    await cp(recorded, data, { recursive: true });
    const [first, second, third] = await filesOf(data, ids.hurt!);
    await using store = openLocalSegmentStore({ folder: data });
    const groupsOf = async (file: string) => (await scanChunk(store, segmentLocation(file))).groups;
    const flipped = (await groupsOf(first!))[1]!;
    await flip(join(data, first!), flipped.tracks[0]!.offset + Math.floor(flipped.tracks[0]!.length / 2));
    const cut = await groupsOf(second!);
    const kept = Math.floor(cut.length / 2);
    await truncate(join(data, second!), cut[kept]!.tracks[0]!.offset + 100);
    const lost = await groupsOf(third!);
    await rm(join(data, third!));
    const damaged = new Set([flipped, ...cut.slice(kept), ...lost].map(({ msn }) => msn));
    const read = new Set([...intact.keys()].map(msnOf));
    assert.ok([...damaged].every((msn) => read.has(msn)));
    return { data, damaged, files: [first!, second!, third!] };
  }

  const isHurt = (path: string, damaged: ReadonlySet<number>) => path.includes('/hurt/') && damaged.has(msnOf(path));

  /** Intact segments have the same bytes; damaged ones a problem document; never 500. */
  function assertAnswers(found: ReadonlyMap<string, Answer>, damaged: ReadonlySet<number>): void {
    for (const [path, answer] of found) {
      assert.ok(ALLOWED.has(answer.status), `${path}: ${answer.status}`);
      if (answer.status !== 200) {
        assert.ok(isHurt(path, damaged), path);
        assert.match(answer.type, /problem\+json/, path);
      } else assert.deepEqual(answer, intact.get(path), path);
    }
  }

  test('are noticed when they are read: 410, a gap, and every other byte as before', async () => {
    const { data, damaged } = await damage('read');
    await using server = await serve(data);
    assertAnswers(await answers(server, [...intact.keys()]), damaged);
    // What a read has met is checked at once: playlists and timeline leave it out.
    const timeline = await until('the gaps are listed', async () => {
      const view = await server.timeline('hurt', range);
      const lost = await listed(server, 'hurt', range).then((paths) => paths.filter((path) => isHurt(path, damaged)));
      return lost.length === 0 && view.gaps.some(({ cause }) => cause === 'damaged') ? view : undefined;
    });
    assertCovered(timeline);
    const muxed = [...intact.keys()].filter((path) => isHurt(path, damaged));
    for (const [path, { status }] of await answers(server, muxed)) assert.equal(status, 410, path);
    assert.deepEqual(
      (await server.timeline('well', range)).gaps.filter(({ cause }) => cause === 'damaged'),
      [],
    );
    assertAnswers(await answers(server, [...intact.keys()]), damaged);
    for (const path of ['clip/hurt', 'clip/well']) {
      for (const format of ['mp4', 'mkv', 'ts']) {
        const { from, to } = timeline;
        const { status } = await answerOf(server, `/${path}/${Date.parse(from)}/${Date.parse(to)}.${format}`);
        assert.equal(status, 200, `${path} ${format}`);
      }
    }
    const health = await server.fetch('/health').then((response) => response.json() as Promise<HealthReport>);
    const check = health.checks.find(({ name }) => name === 'stored files');
    assert.equal(check?.status, 'degraded');
    assert.match(check?.detail ?? '', /3 stored files are damaged.*hurt/);
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(metrics, /^oxbow_damaged_files 3$/m);
    assert.deepEqual(
      server.log('error').filter(({ msg }) => msg !== 'a stored file is damaged'),
      [],
    );
  });

  test('are found by doctor --verify, exactly; a repair keeps every intact segment at its address', async () => {
    const { data, damaged, files } = await damage('repair');
    assert.equal((await verify(recorded)).ok, true);
    const found = await verify(data);
    assert.equal(found.code, 1);
    assert.deepEqual(
      found.findings.map(({ file, problem }) => [file, problem]),
      [
        [files[0], 'damaged'],
        [files[1], 'damaged'],
        [files[2], 'missing'],
      ],
    );
    assert.equal(found.damagedSegments, damaged.size);
    assert.equal((await verify(data, '--stream', 'well')).ok, true);
    const before = await readFile(join(data, files[1]!));
    const dry = await runOxbow(['doctor', '--repair', '--dry-run', '--json', '--data', data]);
    assert.equal((JSON.parse(dry.stdout) as { actions: unknown[] }).actions.length, 3, dry.stdout + dry.stderr);
    assert.equal((await verify(data)).findings.length, 3, 'a dry run changes nothing');
    const repaired = await runOxbow(['doctor', '--repair', '--json', '--data', data]);
    assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
    const { actions, quarantine } = JSON.parse(repaired.stdout) as {
      actions: readonly { file: string; action: string }[];
      quarantine: string;
    };
    assert.deepEqual(
      actions.map(({ file, action }) => [file, action]),
      [
        [files[0], 'rewritten'],
        [files[1], 'rewritten'],
        [files[2], 'lost'],
      ],
    );
    assert.equal(Buffer.compare(await readFile(join(data, quarantine, files[1]!)), before), 0);
    assert.equal((await verify(data)).ok, true);
    const check = async () => {
      await using server = await serve(data);
      assertAnswers(await answers(server, [...intact.keys()]), damaged);
      const { gaps } = await server.timeline('hurt', range);
      assert.ok(gaps.some(({ cause }) => cause === 'damaged'));
      const health = await server.fetch('/health').then((response) => response.json() as Promise<HealthReport>);
      assert.equal(health.checks.find(({ name }) => name === 'stored files')?.status, 'ok');
    };
    await check();
    // What was repaired says so itself: a lost database changes nothing.
    for (const name of await readdir(data)) if (name.startsWith('oxbow.db')) await rm(join(data, name));
    damaged.clear();
    for (const path of intact.keys()) if (path.includes('/hurt/')) damaged.add(msnOf(path));
    const rebuilt = await runOxbow(['doctor', '--rebuild', '--data', data, '--http', '0']);
    assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
    assert.equal((await verify(data)).ok, true);
  });

  test('and a corrupt database: a start and a repair move it aside, and index every file again', async () => {
    for (const how of ['start', 'repair'] as const) {
      const data = join(folder.path, `corrupt-${how}`);
      await cp(recorded, data, { recursive: true });
      const database = await readFile(join(data, 'oxbow.db'));
      for (let page = 3; page < database.length / 4096; page += 7) database.fill(0x5a, page * 4096, page * 4096 + 2048);
      await writeFile(join(data, 'oxbow.db'), database);
      await rm(join(data, 'oxbow.db-wal'), { force: true });
      if (how === 'repair') {
        const { code, stdout, stderr } = await runOxbow(['doctor', '--repair', '--json', '--data', data]);
        assert.equal(code, 0, stdout + stderr);
        const result = JSON.parse(stdout) as { databaseMovedTo?: string; rebuilt?: { files: number } };
        assert.match(result.databaseMovedTo ?? '', /oxbow\.db\.corrupt-/);
        const files = [...(await chunkFiles(recorded)).values()].flat();
        assert.equal(result.rebuilt?.files, files.length);
      }
      await using server = await serve(data);
      const hurt = [...intact.keys()].filter((path) => path.includes('/hurt/av0/'));
      for (const [path, { hash }] of await answers(server, hurt)) assert.equal(hash, intact.get(path)!.hash, path);
      assert.ok((await readdir(data)).some((name) => name.startsWith('oxbow.db.corrupt-')));
    }
  });

  test('are found by the server itself, also where a file is open or its bytes are in memory', async () => {
    const data = join(folder.path, 'schedule');
    await cp(recorded, data, { recursive: true });
    const [first, second] = await filesOf(data, ids.hurt!);
    await using server = await serve(data, '--record-verify-every', '1s', '--record-verify-rate', '100M');
    const events = await server.fetch('/api/v1/events?types=recording.damaged');
    const reading = events.body!.getReader();
    const hurt = [...intact.keys()].filter((path) => path.includes('/hurt/'));
    assert.ok([...(await answers(server, hurt)).values()].every(({ status }) => status === 200));
    // The server has both files open: one is deleted, one replaced by a damaged copy.
    const { size } = await stat(join(data, first!));
    await cp(join(data, first!), join(data, 'copy'));
    await flip(join(data, 'copy'), Math.floor(size / 2));
    await rename(join(data, 'copy'), join(data, first!));
    await rm(join(data, second!));
    let text = '';
    while (!text.includes(first!) || !text.includes(second!)) {
      const { value, done } = await reading.read();
      assert.ok(!done, text);
      text += Buffer.from(value).toString();
    }
    await reading.cancel();
    const now = await answers(server, hurt);
    const gone = [...now].filter(([, { status }]) => status === 410);
    assert.ok(gone.length > 0 && gone.length < hurt.length, `${gone.length} of ${hurt.length} are gone`);
    for (const [path, answer] of now) if (answer.status !== 410) assert.deepEqual(answer, intact.get(path), path);
    // The intact file comes back: nothing has to be repaired.
    await cp(join(recorded, first!), join(data, 'copy'));
    await rename(join(data, 'copy'), join(data, first!));
    await cp(join(recorded, second!), join(data, second!));
    await until('all segments are back', async () => {
      const all = await answers(server, hurt);
      return [...all].every(([path, { hash }]) => hash === intact.get(path)!.hash) || undefined;
    });
    await until('health is good again', async () => {
      const { checks } = await server.fetch('/health').then((response) => response.json() as Promise<HealthReport>);
      return checks.find(({ name }) => name === 'stored files')?.status === 'ok' || undefined;
    });
  });
});
