/**
 * Angles without a common clock on the real program: two cameras whose clocks differ and a video from a
 * phone are lined up by their sound; clips and an archive of one moment; who sees which member.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { matchSound } from '@oxbow/media/align/sound-match';
import { seeded } from '@oxbow/media/random.fixture';
import type { AngleClips, AngleExport, AngleSet } from '../../src/api/angles/angle-shapes.ts';
import type { RoomItem } from '../../src/api/room/item-shapes.ts';
import { closeEngine, measureLevels } from '../../src/ffmpeg/engine.ts';
import { makeSpokenFilm, putCamera, type SpokenFilm } from '../fixtures/angles/spoken-film.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const run = promisify(execFile);
const adminToken = 'an-administrator';
/** The event began then: on a full hour, six hours ago. */
const EVENT_MS = (Math.floor(Date.now() / 3_600_000) - 6) * 3_600_000;
/** The clock of the second camera is early by this. */
const EARLY_MS = 7300;

suite('angles without a common clock', { skip: need('ffmpeg') || need('python3') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let phone: string;
  let other: string;
  let set: AngleSet;
  const send = async <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const type = body === undefined ? headers : { 'content-type': 'application/json', ...headers };
    const init = { method, headers: type, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const answer = await server.fetch(`/api/v1${path}`, init);
    const text = await answer.text();
    return { status: answer.status, etag: answer.headers.get('etag'), view: (text ? JSON.parse(text) : {}) as T };
  };
  const iso = (ms: number) => new Date(ms).toISOString();
  const upload = async (name: string): Promise<string> => {
    const body = await readFile(join(folder.path, name));
    const answer = await server.fetch(`/api/v1/uploads/file?filename=${name}&visibility=private`, {
      method: 'PUT',
      body,
    });
    assert.equal(answer.status, 201, await answer.clone().text());
    const { asset } = (await answer.json()) as { asset: string };
    await until('the video can be played', async () => {
      const { view } = await send<{ state: string }>('GET', `/assets/${asset}`);
      return view.state === 'ready';
    });
    return asset;
  };
  /** Measures the set, and returns it. */
  const measure = async (body: Record<string, unknown>): Promise<AngleSet> => {
    const started = await send('POST', `/angle-sets/${set.id}/measurements`, body);
    assert.equal(started.status, 202, JSON.stringify(started.view));
    return until('the sound is compared', async () => {
      const { view } = await send<AngleSet>('GET', `/angle-sets/${set.id}`);
      const { state } = view.measurement!;
      assert.ok(state !== 'failed', JSON.stringify(view.measurement));
      return state === 'done' && view;
    });
  };

  before(async () => {
    folder = opened.use(await openFolder('angles'));
    const cameras = join(folder.path, 'cameras');
    const data = join(folder.path, 'data');
    await putCamera(cameras, 'front', EVENT_MS, { event: 7, fromS: 0, toS: 72, noiseDb: 12 });
    await putCamera(cameras, 'back', EVENT_MS + 4000 - EARLY_MS, { event: 7, fromS: 4, toS: 72, noiseDb: 10 });
    await makeSpokenFilm(join(folder.path, 'phone.mp4'), { event: 7, fromS: 20.5, toS: 72, noiseDb: 10 });
    await makeSpokenFilm(join(folder.path, 'other.mp4'), { event: 8, fromS: 0, toS: 45, noiseDb: 20 });
    const said = await runOxbow(['import', 'recordings', cameras, '--data', data, '--json']);
    assert.equal(said.code, 0, `${said.stdout}\n${said.stderr}`);
    server = opened.use(await startPlainServer({ data, adminToken }));
    [phone, other] = [await upload('phone.mp4'), await upload('other.mp4')];
  });
  after(async () => {
    await closeEngine();
    await opened.disposeAsync();
  });

  test('are a set, placed by programme time where they have one', async () => {
    const created = await send<AngleSet>('POST', '/angle-sets', {
      name: ' Stage ',
      at: iso(EVENT_MS + 40_000),
      members: [
        { stream: 'front' },
        { stream: 'back' },
        { asset: phone, offsetMs: EVENT_MS + 33_000 },
        { asset: other },
      ],
    });
    assert.equal(created.status, 201, JSON.stringify(created.view));
    set = created.view;
    assert.deepEqual(
      set.members.map(({ stream, asset, how, offsetMs }) => [stream ?? asset, how, offsetMs]),
      [
        ['front', 'time', 0],
        ['back', 'time', 0],
        [phone, 'hand', EVENT_MS + 33_000],
        [other, 'none', EVENT_MS + 40_000],
      ],
    );
    assert.deepEqual([set.name, set.mayChange], ['Stage', true]);
  });

  test('are lined up by their sound within 20 ms; a video of something else is not', async () => {
    set = await measure({});
    const [front, back, film, wrong] = set.members;
    assert.equal(front!.offsetMs, 0);
    assert.equal(back!.how, 'sound');
    assert.ok(Math.abs(back!.offsetMs - EARLY_MS) <= 20, `back ${back!.offsetMs}`);
    assert.ok(Math.abs(film!.offsetMs - EVENT_MS - 20_500) <= 20, `phone ${film!.offsetMs - EVENT_MS}`);
    for (const { confidence, errorMs, measuredAt } of [back!, film!]) {
      assert.ok(confidence! > 0.3 && confidence! <= 1 && errorMs! <= 30, `${confidence} ${errorMs}`);
      assert.equal(measuredAt, iso(EVENT_MS + 40_000));
    }
    assert.equal(wrong!.how, 'none');
    assert.deepEqual(set.measurement!.missed, [{ member: wrong!.id, reason: 'different' }]);
  });

  fullTest(
    '20 pairs with noise at 10 dB and offsets of 30 s: 95 % within 20 ms; of 20 other pairs none',
    async (context) => {
      const random = seeded(50);
      const signal = AbortSignal.timeout(300_000);
      const levels = async (name: string, film: SpokenFilm) => {
        const path = join(folder.path, name);
        await makeSpokenFilm(path, film);
        return measureLevels(await readFile(path), 60_000, { signal });
      };
      const errors: number[] = [];
      let wrong = 0;
      for (let pair = 0; pair < 20; pair++) {
        const event = 100 + pair;
        const atS = 30 + random(1000) / 1000;
        const fromS = atS - 30 + random(60_000) / 1000;
        // The other one searches 30 s around; ten seconds are enough.
        const reference = await levels('one.mp4', { event, fromS: atS, toS: atS + 30, noiseDb: 10 });
        const other = await levels('two.mp4', {
          event,
          fromS: Math.max(0, fromS - 30),
          toS: fromS + 60,
          noiseDb: 10.1,
        });
        const trueMs = (Math.max(0, fromS - 30) - atS) * 1000;
        const match = matchSound(
          { fromMs: 0, levels: reference },
          { fromMs: 0, levels: other },
          { maxOffsetMs: 61_000 },
        );
        if (match.isFound) errors.push(Math.abs(match.offsetMs - trueMs));
        const foreign = await levels('three.mp4', { event: 200 + pair, fromS: 0, toS: 90, noiseDb: 10 });
        const mismatch = matchSound(
          { fromMs: 0, levels: reference },
          { fromMs: 0, levels: foreign },
          { maxOffsetMs: 61_000 },
        );
        if (mismatch.isFound) wrong++;
      }
      const good = errors.filter((error) => error <= 20).length;
      const sorted = errors.toSorted((a, b) => a - b);
      context.diagnostic(
        `${good} of 20 within 20 ms, median ${sorted[10]?.toFixed(1)} ms, worst ${sorted.at(-1)?.toFixed(1)} ms`,
      );
      assert.ok(good >= 19, errors.map((each) => each.toFixed(1)).join(' '));
      assert.equal(wrong, 0, 'other programmes do not match');
    },
  );

  test('gives a clip of each stream of one moment, and one archive of it', async () => {
    const from = iso(EVENT_MS + 50_000);
    const { status, view } = await send<AngleClips>('POST', `/angle-sets/${set.id}/clips`, { from, to: '6s' });
    assert.equal(status, 201, JSON.stringify(view));
    assert.deepEqual(
      view.clips.map(({ member, clip }) => [member, clip.stream, clip.title, clip.from]),
      [
        ['m1', 'front', 'Stage', from],
        ['m2', 'back', 'Stage', iso(Math.round(EVENT_MS + 50_000 - set.members[1]!.offsetMs))],
      ],
    );
    assert.deepEqual(
      view.missing.map(({ member, code }) => [member, code]),
      [
        ['m3', 'angle-not-recorded'],
        ['m4', 'angle-not-recorded'],
      ],
    );
    const path = `/angle-sets/${set.id}/exports`;
    const started = await send<AngleExport>('POST', path, { from, to: '6s', exact: true });
    assert.equal(started.status, 202, JSON.stringify(started.view));
    const twice = await send('POST', path, { from, to: '6s' });
    assert.ok(twice.view.code === 'limit-reached' || twice.status === 202, 'one at a time');
    const { result } = await until('the archive is written', async () => {
      const { items } = (await send<{ items: AngleExport[] }>('GET', path)).view;
      const mine = items.find(({ id }) => id === started.view.id)!;
      assert.ok(mine.state !== 'failed', JSON.stringify(mine.error));
      return mine.state === 'done' && mine;
    });
    assert.deepEqual(
      result!.files.map(({ name, startsAtMs }) => [name, startsAtMs >= 0 && startsAtMs <= 100]),
      [
        ['1-front.mp4', true],
        ['2-back.mp4', true],
      ],
    );
    const zip = join(folder.path, 'stage.zip');
    await writeFile(zip, await server.bytes(result!.url));
    const script = `import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), sorted(z.namelist()))`;
    const { stdout } = await run('python3', ['-c', script, zip]);
    assert.match(stdout, /^None \['stage-.*\/1-front.mp4', 'stage-.*\/2-back.mp4'\]/);
  });

  test('is changed by hand, with an ETag; refuses what it does not have', async () => {
    const { etag } = await send('GET', `/angle-sets/${set.id}`);
    const offsets = [{ member: 'm4', offsetMs: EVENT_MS + 1000.04 }];
    const changed = await send<AngleSet>('PATCH', `/angle-sets/${set.id}`, { offsets }, { 'if-match': etag! });
    assert.equal(changed.status, 200, JSON.stringify(changed.view));
    const { how, offsetMs, confidence } = changed.view.members[3]!;
    assert.deepEqual([how, offsetMs, confidence], ['hand', EVENT_MS + 1000.04, null]);
    const stale = await send('PATCH', `/angle-sets/${set.id}`, { offsets }, { 'if-match': etag! });
    assert.deepEqual([stale.status, stale.view.code], [412, 'precondition-failed']);
    const refusals = [
      ['PATCH', `/angle-sets/${set.id}`, { offsets: [{ member: 'm9', offsetMs: 1 }] }, 'angle-unknown'],
      ['PATCH', `/angle-sets/${set.id}`, { name: '  ' }, 'bad-request'],
      ['POST', '/angle-sets', { name: 'x', members: [{ stream: 'front' }, { stream: 'front' }] }, 'bad-request'],
      ['POST', '/angle-sets', { name: 'x', members: [{ stream: 'front' }, {}] }, 'bad-request'],
      ['POST', '/angle-sets', { name: 'x', members: [{ stream: 'front' }, { stream: 'gone' }] }, 'stream-unknown'],
      ['POST', `/angle-sets/${set.id}/exports`, { from: iso(EVENT_MS), to: '2h' }, 'window-too-long'],
      ['POST', `/angle-sets/${set.id}/clips`, { from: iso(EVENT_MS), to: iso(EVENT_MS - 1000) }, 'bad-time'],
      ['GET', '/angle-sets/unknown', undefined, 'angle-set-unknown'],
      ['GET', '/angle-sets?cursor=x', undefined, 'bad-request'],
      ['PATCH', `/angle-sets/${set.id}`, { offsets: [{ member: 'm2', offsetMs: 1e300 }] }, 'bad-request'],
      ['PATCH', `/angle-sets/${set.id}`, { at: '8640000000000000' }, 'bad-time'],
      // Once stored, no list with it could be read.
      ['PATCH', `/angle-sets/${set.id}`, { at: '9999-12-31T23:59:59Z' }, 'bad-time'],
      ['POST', `/angle-sets/${set.id}/measurements`, { at: '1', withinMs: 1e9 }, 'bad-request'],
      ['POST', `/angle-sets/${set.id}/clips`, { from: '8640000000000000', to: '5s' }, 'bad-time'],
      ['GET', `/angle-sets/${set.id}/exports/unknown/file`, undefined, 'job-unknown'],
    ] as const;
    for (const [method, path, body, code] of refusals) {
      const { view } = await send(method, path, body);
      assert.equal(view.code, code, `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(view)}`);
    }
  });

  test('plays in a room at its offsets', async () => {
    const { view: room } = await send<{ id: string }>('POST', '/rooms', { name: 'Stage' });
    const add = (offsetsMs: readonly number[]) =>
      send<{ items: RoomItem[] }>('POST', `/rooms/${room.id}/items`, {
        items: [{ target: { kind: 'stream', stream: 'front', beside: ['back'], offsetsMs } }],
      });
    const refused = await add([1, 2]);
    assert.deepEqual([refused.status, (refused.view as { code?: string }).code], [400, 'bad-request']);
    const { status, view } = await add([7300.5]);
    assert.equal(status, 201, JSON.stringify(view));
    const [beside] = view.items[0]!.beside!;
    assert.deepEqual([beside!.stream, beside!.offsetMs], ['back', 7300.5]);
    // A camera whose clock was never set.
    assert.equal((await add([Date.UTC(2026, 10, 30)])).status, 201);
  });

  test('shows people the members that they may see, and is gone with fewer than two', async () => {
    const see = async (path: string) => {
      const answer = await fetch(`${server.url}/api/v1${path}`);
      return { status: answer.status, view: (await answer.json()) as AngleSet & { items: AngleSet[] } };
    };
    const { view } = await see(`/angle-sets/${set.id}`);
    assert.deepEqual(
      view.members.map(({ stream }) => stream),
      ['front', 'back'],
    );
    assert.deepEqual([view.mayChange, view.measurement], [false, null]);
    assert.equal((await see('/angle-sets')).view.items.length, 1);
    for (const [method, path] of [
      ['PATCH', `/angle-sets/${set.id}`],
      ['DELETE', `/angle-sets/${set.id}`],
      ['POST', `/angle-sets/${set.id}/measurements`],
      ['POST', `/angle-sets/${set.id}/exports`],
    ] as const) {
      const body = method === 'DELETE' ? {} : { body: '{"from":"1","to":"2"}' };
      const headers = { 'content-type': 'application/json' };
      const refused = await fetch(`${server.url}/api/v1${path}`, { method, headers, ...body });
      assert.ok(refused.status === 401 || refused.status === 400, `${method} ${path}: ${refused.status}`);
    }
    assert.equal((await send('PATCH', '/streams/back', { visibility: 'private' })).status, 200);
    assert.equal((await see(`/angle-sets/${set.id}`)).status, 404);
    assert.deepEqual((await see('/angle-sets')).view.items, []);
    assert.equal((await send('DELETE', '/streams/front?recordings=delete')).status, 204);
    const left = await send<AngleSet>('GET', `/angle-sets/${set.id}`);
    assert.deepEqual(
      left.view.members.map(({ id }) => id),
      ['m2', 'm3', 'm4'],
    );
    assert.equal((await send('DELETE', `/angle-sets/${set.id}`)).status, 204);
    assert.equal((await send('GET', `/angle-sets/${set.id}`)).view.code, 'angle-set-unknown');
  });
});
