import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { HealedFileView } from '../../src/api/healing/healed-file.ts';
import type { TimelineView } from '../../src/api/shapes.ts';
import { type Broadcast, broadcastOf } from '../../src/features/healing/surroundings.fixture.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { openOnvifCamera } from '../fixtures/rtsp/onvif-camera.ts';
import { openReplayCamera, type ReplayCamera } from '../fixtures/rtsp/replay-camera.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

/** Length of the source, seconds: a segment each. */
const SECONDS = 60;
/** Segments that the source never has. */
const MISSING = { from: 6, to: 10 } as const;
const TOKEN = 'healing-sources-token';
/** By this much the clocks of the camera and of the file are wrong, ms. */
const WRONG_MS = 2600;

suite('gaps are filled from elsewhere', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let server: Server;
  let storage: ReplayCamera;
  let film: Broadcast;
  const started = new Map<string, number>();

  before(async () => {
    folder = opened.use(await openFolder('healing-sources'));
    const source = join(folder.path, 'source');
    await makeHls({ folder: source, seconds: SECONDS, size: '128x72' });
    origin = opened.use(await openOrigin({ folder: source }));
    const segments = await readListed(source);
    const bytes = Buffer.concat(await Promise.all(segments.map(({ uri }) => readFile(join(source, uri)))));
    await writeFile(join(folder.path, 'card.ts'), bytes);
    for (const name of ['door', 'gate']) {
      const released = perSecond({ first: 3, seconds: 1, waits: true });
      let print: (() => string) | undefined;
      origin.put(`/${name}.m3u8`, () => {
        if (!print) {
          started.set(name, Date.now() - 3000);
          print = slidingList({ segments, window: SECONDS, released, startMs: started.get(name)!, ends: false });
        }
        return withGaps(print());
      });
    }
    film = broadcastOf(bytes, Date.now() - 3000 + WRONG_MS);
    storage = opened.use(await openReplayCamera({ stretches: [film], user: 'me', password: 'pw' }));
    const recording = { token: 'R1', uri: `rtsp://192.0.2.1:${storage.port}/R1` };
    const reach = { fromMs: Date.now() - 60_000, toMs: Date.now() + 600_000 };
    const camera = opened.use(
      await openOnvifCamera({ recordings: [{ ...recording, ...reach }], user: 'me', password: 'pw' }),
    );
    const args = [`door=${origin.url}/door.m3u8`];
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), args, adminToken: TOKEN }));
    const healFrom = [`onvif://me:pw@127.0.0.1:${camera.port}`];
    const gate = { name: 'gate', source: { type: 'pull', url: `${origin.url}/gate.m3u8` }, healFrom };
    const made = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(gate),
    });
    assert.equal(made.status, 201, await made.text());
  });
  after(() => opened.disposeAsync());

  const withoutGap = (name: string): Promise<TimelineView> =>
    until(
      `the gap of ${name} is filled`,
      async () => {
        const timeline = await server.timeline(name);
        assert.ok(timeline.healed.length > 0 && timeline.gaps.length === 0, JSON.stringify(timeline));
        return timeline;
      },
      { withinMs: 90_000 },
    );

  /** Asserts that one piece fills the gap exactly. */
  function assertFilled({ healed }: TimelineView, how: string, source: RegExp): void {
    const [piece] = healed;
    assert.equal(piece?.how, how);
    assert.match(piece.source, source);
    const seconds = (Date.parse(piece.to) - Date.parse(piece.from)) / 1000;
    assert.ok(Math.abs(seconds - (MISSING.to - MISSING.from)) < 0.1, `${seconds}`);
  }

  test('from the storage of a camera over ONVIF, whose clock is wrong', async () => {
    assertFilled(await withoutGap('gate'), 'same-frames', /^127\.0\.0\.1/);
    assert.ok(storage.ranges.length > 0);
  });

  test('from a file whose start is given, a little wrong', async () => {
    await until('the gap is listed', async () => {
      const { gaps, spans } = await server.timeline('door');
      assert.deepEqual([gaps.length, spans.length], [1, 2]);
      return true;
    });
    const at = new Date(started.get('door')! + WRONG_MS).toISOString();
    const { code, stdout, stderr } = await runOxbow([
      ...['heal', 'door', join(folder.path, 'card.ts'), '--at', at, '--json'],
      ...['--server', server.url, '--admin-token', TOKEN],
    ]);
    assert.equal(code, 0, `${stderr}\n${stdout}`);
    const view = JSON.parse(stdout) as HealedFileView;
    assert.equal(view.clock, 'given');
    assert.ok(Math.abs(Date.parse(view.start!) - started.get('door')!) <= 50, view.start ?? '');
    assert.deepEqual(
      view.gaps.map(({ missing, reason }) => [missing, reason]),
      [[0, '']],
    );
    assertFilled(await withoutGap('door'), 'same-frames', /^file card\.ts$/);
  });

  test('a file that is no media, and one for an unknown stream, are refused', async () => {
    const send = async (path: string, body: string) => {
      const headers = { 'content-type': 'application/octet-stream' };
      const response = await server.fetch(path, { method: 'POST', headers, body });
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    assert.deepEqual(await send('/api/v1/streams/door/heal', 'no film'), [415, 'unsupported-media']);
    assert.deepEqual(await send('/api/v1/streams/none/heal', 'x'), [404, 'stream-unknown']);
    assert.deepEqual(await send('/api/v1/streams/door/heal?at=soon', 'x'), [400, 'bad-time']);
  });
});

/** Lists the missing segments as such. */
function withGaps(list: string): string {
  const lines = list.split('\n').map((line) => {
    const number = Number(/^seg(\d+)\.ts$/.exec(line)?.[1] ?? -1);
    return number >= MISSING.from && number < MISSING.to ? `#EXT-X-GAP\n${line}` : line;
  });
  return lines.join('\n');
}
