import assert from 'node:assert/strict';
import { cp, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ImportedStream } from '../../src/features/imports/import-recordings.ts';
import { type Content, contentOf, makePieces, putUnder } from '../fixtures/foreign/recordings.ts';
import { need } from '../fixtures/need.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import {
  type Folder,
  openFolder,
  runOxbow,
  type Said,
  type Server,
  smallPicture,
  startPlainServer,
  startVerb,
} from '../fixtures/server.ts';
import { assertCovered, stretchesOf } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, isFull } from '../full.ts';

/** A full hour, six hours ago: a timeline without a range is of the last 24 hours. */
const HOUR_MS = (Math.floor(Date.now() / 3_600_000) - 6) * 3_600_000;
const SECONDS = 12;
const PIECE_S = 2;

/** What `--json` prints. */
interface Printed {
  readonly format: string;
  readonly streams: readonly ImportedStream[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

const sizesOf = (files: readonly string[]) => Promise.all(files.map(async (file) => (await stat(file)).size));
const parts = (ms: number) => new Date(ms).toISOString();

suite('import recordings', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  const at = (...names: string[]) => join(folder.path, ...names);
  const forms = { ts: [] as string[], fmp4: [] as string[], mp4: [] as string[] };
  const none: Content = { pictures: [], sound: [] };
  const content: Record<keyof typeof forms, Content> = { ts: none, fmp4: none, mp4: none };

  const importing = (dir: string, data: string, ...args: readonly string[]): Promise<Said> =>
    runOxbow(['import', 'recordings', dir, '--data', data, '--json', ...args]);
  const imported = async (dir: string, data: string, ...args: readonly string[]): Promise<Printed> => {
    const said = await importing(dir, data, ...args);
    assert.equal(said.code, 0, `${said.stdout}\n${said.stderr}`);
    return JSON.parse(said.stdout) as Printed;
  };
  /** A range of a stream as a file. */
  const clipped = async (server: Server, stream: string, fromMs: number, toMs: number): Promise<Content> => {
    const file = at(`${stream}-${fromMs}.mp4`);
    await writeFile(file, await server.bytes(`/clip/${stream}/${fromMs}/${toMs}.mp4`));
    return contentOf([file]);
  };

  before(async () => {
    folder = opened.use(await openFolder('import'));
    for (const form of firstOf(1, ['ts', 'fmp4', 'mp4'] as const)) {
      forms[form] = await makePieces(at(`pieces-${form}`), form, { seconds: SECONDS, pieceS: PIECE_S });
      content[form] = await contentOf(forms[form]);
    }
  });
  after(() => opened.disposeAsync());

  test('a flat folder of video-stream-recorder becomes one run; a second import adds nothing', async () => {
    // The first three were loaded at once, as at every start of video-stream-recorder.
    const nameOf = (i: number) => `${HOUR_MS + (i < 3 ? i * 90 : (i - 2) * PIECE_S * 1000)}000000.ts`;
    await putUnder(at('vsr', 'files'), forms.ts, nameOf);
    const data = at('vsr-data');
    const first = await imported(at('vsr', 'files'), data, '--as', 'door');
    assert.equal(first.format, 'vsr');
    const [door] = first.streams;
    assert.deepEqual([door!.stream, door!.files, door!.stretches, door!.isNew], ['door', forms.ts.length, 1, true]);
    const before = [...(await chunkFiles(data)).values()].flat();
    if (isFull) {
      const again = await imported(at('vsr', 'files'), data, '--as', 'door');
      assert.deepEqual([again.streams[0]!.files, again.streams[0]!.before], [0, forms.ts.length]);
      assert.deepEqual([...(await chunkFiles(data)).values()].flat(), before, 'the same files');
    }

    await using server = await startPlainServer({ data });
    const timeline = await server.timeline('door');
    assertCovered(timeline);
    assert.equal(timeline.runs.length, 1, 'no DISCONTINUITY between the files');
    const [span] = timeline.spans;
    assert.equal(timeline.spans.length, 1);
    assert.deepEqual(timeline.gaps, []);
    const fromMs = Date.parse(span!.from);
    // A segment is loaded after it has ended: the times of the later ones count.
    assert.equal(fromMs, HOUR_MS - 2 * PIECE_S * 1000);
    assert.equal(Date.parse(span!.to) - fromMs, SECONDS * 1000);
    const got = await clipped(server, 'door', fromMs, fromMs + SECONDS * 1000);
    assert.deepEqual(got.pictures, content.ts.pictures);
    // What is heard before the first picture is left out, as of every live stream.
    assert.deepEqual(got.sound, content.ts.sound.slice(-got.sound.length));
    assert.ok(content.ts.sound.length - got.sound.length <= 4);
  });

  fullTest(
    'MediaMTX: local times, a stream for each path, a hole is offline; rebuild gives the same index',
    async () => {
      const dir = at('mediamtx');
      const HOLE_MS = 60_000;
      const startMs = (i: number) => HOUR_MS + i * PIECE_S * 1000 + (i < 3 ? 0 : HOLE_MS) + [0, 11, -9, 0, 14, 3][i]!;
      const nameOf = (path: string) => (i: number) => {
        // Berlin is one or two hours ahead.
        const local = new Date(startMs(i)).toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' });
        return `${path}/${local.replace(' ', '_').replaceAll(':', '-')}-${String(startMs(i) % 1000).padStart(3, '0')}000.mp4`;
      };
      await putUnder(dir, forms.fmp4, nameOf('cams/Front Door'));
      await putUnder(dir, forms.fmp4.slice(0, 3), nameOf('yard'));
      const data = at('mediamtx-data');
      const { streams, format } = await imported(dir, data, '--time-zone', 'Europe/Berlin');
      assert.equal(format, 'mediamtx');
      const found = streams.map(({ stream, files, stretches }) => [stream, files, stretches]);
      assert.deepEqual(found, [
        ['cams-front-door', 6, 2],
        ['yard', 3, 1],
      ]);
      const look = async () => {
        await using server = await startPlainServer({ data });
        const timeline = await server.timeline('cams-front-door');
        assertCovered(timeline);
        const kinds = stretchesOf(timeline).map(({ kind, fromMs, toMs }) => [
          kind,
          fromMs,
          Math.round((toMs - fromMs) / 100),
        ]);
        const got = [
          await clipped(server, 'cams-front-door', startMs(0), startMs(0) + 6000),
          await clipped(server, 'cams-front-door', startMs(3), startMs(3) + 6000),
        ];
        return { kinds, got, runs: timeline.runs };
      };
      const { kinds, got, runs } = await look();
      assert.deepEqual(kinds.slice(0, 3), [
        ['media', startMs(0), 60],
        ['offline', startMs(0) + 6000, HOLE_MS / 100],
        ['media', startMs(3), 60],
      ]);
      assert.equal(runs.length, 2);
      assert.deepEqual(
        got.flatMap(({ pictures }) => pictures),
        content.fmp4.pictures,
      );
      const rebuilt = await runOxbow(['doctor', '--rebuild', '--data', data, '--json']);
      assert.match(rebuilt.stdout, /segments of 2 streams/);
      const again = await look();
      assert.deepEqual(again.kinds.slice(0, 3), kinds.slice(0, 3));
      assert.deepEqual([again.got, again.runs], [got, runs]);
    },
  );

  fullTest('Frigate: MP4 by day, hour and camera in UTC; a damaged file is a gap and is named', async () => {
    const dir = at('frigate');
    const hourMs = HOUR_MS + 3_600_000 - 6_000;
    const nameOf = (camera: string) => (i: number) => {
      const time = parts(hourMs + i * PIECE_S * 1000);
      return `${time.slice(0, 10)}/${time.slice(11, 13)}/${camera}/${time.slice(14, 16)}.${time.slice(17, 19)}.mp4`;
    };
    const files = await putUnder(dir, forms.mp4, nameOf('garage'));
    await truncate(files[2]!, 3000);
    const sizes = await sizesOf(files);
    const data = at('frigate-data');
    const said = await importing(dir, data);
    assert.equal(said.code, 1, 'not all of it was imported');
    const { format, streams } = JSON.parse(said.stdout) as Printed;
    assert.equal(format, 'frigate');
    const [garage] = streams;
    assert.equal(garage!.stream, 'garage');
    assert.equal(garage!.files, 5);
    const named = [...garage!.skipped, ...garage!.damaged].map(({ name }) => name);
    assert.deepEqual(named, [nameOf('garage')(2)]);

    assert.deepEqual(await sizesOf(files), sizes, 'the source is not changed');
    await using server = await startPlainServer({ data });
    const timeline = await server.timeline('garage');
    assertCovered(timeline);
    const kinds = stretchesOf(timeline).slice(0, 3);
    assert.deepEqual(
      kinds.map(({ kind, fromMs, toMs }) => [kind, (fromMs - hourMs) / 1000, (toMs - hourMs) / 1000]),
      [
        ['media', 0, 4],
        ['bad-media', 4, 6],
        ['media', 6, 12],
      ],
    );
    assert.match(timeline.gaps[0]!.detail, new RegExp(`${nameOf('garage')(2).replaceAll('.', '\\.')}`));
    const got = await clipped(server, 'garage', hourMs + 6_000, hourMs + 12_000);
    assert.deepEqual(got.pictures, content.mp4.pictures.slice(6 * 25));
  });

  fullTest('killed at any moment and started again, every picture is there once', async () => {
    const dir = at('many');
    const pieces = Array.from({ length: 25 }, () => forms.ts).flat();
    // Each repetition begins a new run: its timestamps go back, and its time follows that of the one before.
    const nameOf = (i: number) =>
      `cam_${parts(HOUR_MS + i * PIECE_S * 1000)
        .slice(0, 19)
        .replaceAll(/[-:]/g, '')}.ts`;
    await putUnder(dir, pieces, nameOf);
    const data = at('many-data');
    const args = [
      'import',
      'recordings',
      dir,
      '--as',
      'cam',
      '--time-pattern',
      'cam_%Y%m%dT%H%M%S',
      '--time-zone',
      'UTC',
    ];
    // Lines of the ledger: one when a file is begun, one when it is complete.
    const lines = async () => {
      const [name] = await readdir(join(data, 'imported')).catch(() => []);
      return name === undefined ? 0 : (await readFile(join(data, 'imported', name), 'utf8')).split('\n').length;
    };
    for (const most of [10, 120, 200]) {
      const verb = startVerb([...args, '--data', data]);
      await until(`${most} lines are written`, async () => (await lines()) >= most, { everyMs: 2, withinMs: 30_000 });
      await verb.end('SIGKILL');
    }
    assert.ok((await lines()) < 2 * pieces.length, 'it was killed before its end');
    const { streams } = await imported(dir, data, ...args.slice(3));
    assert.deepEqual(streams[0]!.skipped, []);
    assert.deepEqual(streams[0]!.damaged, []);
    await using server = await startPlainServer({ data });
    const timeline = await server.timeline('cam');
    assertCovered(timeline);
    assert.deepEqual(timeline.gaps, []);
    const [span] = timeline.spans;
    assert.equal(timeline.spans.length, 1, 'no hole where it was killed');
    const lengthMs = pieces.length * PIECE_S * 1000;
    assert.deepEqual([Date.parse(span!.from), Date.parse(span!.to)], [HOUR_MS, HOUR_MS + lengthMs]);
    const got = await clipped(server, 'cam', HOUR_MS, HOUR_MS + lengthMs);
    assert.equal(got.pictures.length, pieces.length * PIECE_S * 25);
    assert.deepEqual(got.pictures, Array.from({ length: 25 }, () => content.ts.pictures).flat());
  });

  fullTest(
    'media from before the creation of a stream joins what it recorded itself; later media is not taken',
    async () => {
      const data = at('own-data');
      const settings = at('oxbow.yaml');
      await writeFile(settings, 'record: { keep: 30d }\nstreams: { cam: { source: { type: test } } }\n');
      const test = [...smallPicture, '--config', settings];
      const own = async (ms: number) => {
        await using server = await startPlainServer({ data, args: test });
        await server.stream('cam');
        await until('some is recorded', async () => Date.parse((await server.timeline('cam')).to) > Date.now() - ms);
      };
      await own(3000);
      await cp(at('vsr', 'files'), at('own'), { recursive: true });
      await putUnder(at('own'), forms.ts.slice(0, 1), () => `${Date.now() - 1000}000000.ts`);
      const said = await importing(at('own'), data, '--as', 'cam', '--config', settings);
      assert.equal(said.code, 1);
      const [cam] = (JSON.parse(said.stdout) as Printed).streams;
      assert.equal(cam!.files, forms.ts.length);
      assert.deepEqual(
        cam!.skipped.map(({ reason }) => reason),
        ['the stream has its own past there'],
      );
      await using server = await startPlainServer({ data, args: test });
      const timeline = await server.timeline('cam');
      assertCovered(timeline);
      // Before its creation it is offline, and until its first media too.
      const kinds = stretchesOf(timeline)
        .map(({ kind }) => kind)
        .filter((kind, i, all) => kind !== all[i - 1]);
      assert.deepEqual(kinds.slice(0, 3), ['media', 'offline', 'media']);
      assert.deepEqual(
        timeline.gaps.filter(({ cause }) => cause === 'disk'),
        [],
      );
      const runs = timeline.runs.map(({ run }) => run);
      assert.equal(new Set(runs).size, runs.length, 'run ids are unique');
      const msns = timeline.runs.map(({ firstMsn }) => firstMsn);
      assert.deepEqual(
        msns,
        msns.toSorted((a, b) => a - b),
        'numbers rise with time',
      );
    },
  );
});
