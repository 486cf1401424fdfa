import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import type { StreamView } from '../../src/api/shapes.ts';
import type { PoolEncoderView } from '../../src/api/workers/encoder-shapes.ts';
import { createEmulatedDevices, type EmulatedDevices } from '../../src/ffmpeg/encoders/emulated.fixture.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { datesOf, readMedia, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
const [FAST, SLOW] = ['fast', 'slow'].map((name) => `pool-e2e-${name}-${process.pid}`) as [string, string];
/** Small pictures, few a second: what software takes over costs little, on a busy machine too. */
const PICTURES_PER_S = 5;
/** Segments of a quality that an error of its device may cost: that in which it failed, and the next one. */
const MOST_DAMAGED = 2;

type Segment = PlaylistSegment & { readonly dateMs: number };

suite('a live ladder on devices', { skip: need('ffmpeg') || (process.platform !== 'linux' && 'Linux only') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let devices: EmulatedDevices;
  const paths: Record<string, string> = {};

  before(async () => {
    folder = opened.use(await openFolder('encoder-pool'));
    devices = opened.use(
      await createEmulatedDevices({ [FAST]: { sessions: 1, speed: 400 }, [SLOW]: { sessions: 1, speed: 100 } }),
    );
    const file = join(folder.path, 'oxbow.yaml');
    await writeFile(
      file,
      "streams:\n  cam: { source: { type: test }, record: false, ladder: '144p, 160p', ladderStart: always }\n" +
        'transcode: { sessions: 1 }\n',
    );
    const args = [
      '--config',
      file,
      ...['--test-picture-width', '320', '--test-picture-height', '180', '--test-picture-fps', `${PICTURES_PER_S}`],
    ];
    server = opened.use(
      await startPlainServer({ args, data: join(folder.path, 'data'), adminToken: TOKEN, env: devices.env }),
    );
    const index = '/live/cam/index.m3u8';
    await until('all qualities are listed', async () => {
      const response = await server.fetch(index);
      const text = await response.text();
      return response.ok && text.includes('av0-144/') && text.includes('av0-160/');
    });
    for (const { uri } of (await readMultivariant(server, index)).variants) {
      paths[uri.slice(0, uri.indexOf('/'))] = resolvePath(uri, index);
    }
  });
  after(() => opened.disposeAsync());

  const made = async () => (await server.json<StreamView>('/api/v1/streams/cam')).ladder!.made;
  const encoders = async () => (await made()).map(({ encoder }) => encoder);
  const pool = async () => (await server.json<{ items: PoolEncoderView[] }>('/api/v1/encoders')).items;
  const stateOf = async (device: string) => (await pool()).find((each) => each.device === device)!.state;
  const on = (device: string) => `h264_emulated ${device}`;

  async function segments(rendition: string): Promise<Map<number, Segment>> {
    const { list } = await readMedia(server, paths[rendition]!);
    const dates = datesOf(list);
    return new Map(list.segments.map((segment, i) => [list.mediaSequence + i, { ...segment, dateMs: dates[i]! }]));
  }

  /** Waits for complete segments after an MSN; returns what a quality and the source have from there on. */
  async function after3(rendition: string, from: number) {
    return await until(`${rendition} has three segments in a row`, async () => {
      const [derived, source] = [await segments(rendition), await segments('av0')];
      const after = [...derived].filter(([msn, { uri }]) => msn > from && uri !== '');
      const isWhole = after.length >= 3 && after.slice(-3).every(([, { gap }]) => !gap);
      return isWhole && { derived: new Map(after), source };
    });
  }

  /** The newest MSN of a quality. */
  const newest = async (rendition: string) => Math.max(...(await segments(rendition)).keys());

  /** Segments of a quality that have no media, by their cause. */
  async function missing(rendition: string): Promise<Record<string, number>> {
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    const quality = rendition.slice('av0-'.length);
    const rows = text.matchAll(/oxbow_quality_gaps_total\{stream="cam",quality="(\w+)",cause="(\w+)"\} (\d+)/g);
    return Object.fromEntries([...rows].filter(([, of]) => of === quality).map(([, , cause, n]) => [cause, Number(n)]));
  }

  /**
   * Its segments begin with those of the source, and each without a GAP has all pictures. A GAP is one that
   * the server names as `late` or `stopped`, as on a machine that is too slow, or one of those that the
   * failure has damaged.
   *
   * @param before `missing` before the failure
   */
  async function check(
    rendition: string,
    from: number,
    { before, mostDamaged = 0 }: { readonly before: Record<string, number>; readonly mostDamaged?: number },
  ): Promise<void> {
    const { derived, source } = await after3(rendition, from);
    const gaps = [...derived.values()].filter(({ gap }) => gap).length;
    const after = await missing(rendition);
    const since = (cause: string) => (after[cause] ?? 0) - (before[cause] ?? 0);
    const damaged = since('damaged');
    assert.ok(damaged <= mostDamaged, `${damaged} segments of ${rendition} are damaged`);
    assert.ok(gaps <= damaged + since('late') + since('stopped'), `${gaps} segments are missing, and not all counted`);
    for (const [msn, { dateMs, gap, durationS }] of derived) {
      const own = source.get(msn);
      if (!own || gap) continue;
      assert.deepEqual([dateMs, durationS], [own.dateMs, own.durationS], `MSN ${msn}`);
    }
    const [msn, segment] = [...derived].at(-1)!;
    const save = async (id: string, { map, uri }: Segment) => {
      const of = (name: string) => server.bytes(resolvePath(name, paths[id]!));
      const saved = join(folder.path, `${id}-${msn}.mp4`);
      await writeFile(saved, Buffer.concat([await of(map!.uri), await of(uri)]));
      return saved;
    };
    const path = await save(rendition, segment);
    const own = await save('av0', source.get(msn)!);
    const { stdout, stderr } = await run('ffprobe', [
      ...['-v', 'error', '-count_frames', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_frames'],
      ...['-of', 'csv=p=0', path],
    ]);
    assert.deepEqual([Number(stdout.toString().trim()), stderr], [Math.round(segment.durationS * PICTURES_PER_S), '']);
    // Colours too: devices get pictures in another format.
    const psnr =
      '[0:v]setpts=PTS-STARTPTS,format=yuv420p[a];[1:v]setpts=PTS-STARTPTS,format=yuv420p[b];[b][a]scale2ref[c][d];[c][d]psnr';
    const compared = await run('ffmpeg', ['-nostdin', '-i', path, '-i', own, '-lavfi', psnr, '-f', 'null', '-']);
    const [, u, v] = /u:([\d.]+|inf) v:([\d.]+|inf)/.exec(compared.stderr) ?? [];
    assert.ok(Number(u) > 24 && Number(v) > 24, `${u}, ${v} dB\n${compared.stderr.slice(-600)}`);
  }

  test('goes to the fastest devices, the largest quality first, and none has more sessions than it takes', async () => {
    // A busy machine may measure its devices when software has begun already.
    const both = [on(SLOW), on(FAST)].join();
    await until('the largest quality has the fastest device', async () => (await encoders()).join() === both);
    const listed = await pool();
    assert.deepEqual(
      listed.map(({ device, name, used, sessions, state, worker }) => [device, name, used, sessions, state, worker]),
      [FAST, SLOW].map((device) => [device, 'h264_emulated', 1, 1, 'ready', null]),
    );
    assert.deepEqual(
      listed.map(({ speed }) => speed),
      [400, 100],
    );
    assert.deepEqual([devices.wasRefused(FAST), devices.wasRefused(SLOW)], [false, false]);
    await check('av0-160', 0, { before: {} });
  });

  test('continues in software when a device fails, in step with the source, and returns when the device does', async () => {
    const from = await newest('av0-160');
    const [before, other] = [await missing('av0-160'), await missing('av0-144')];
    await devices.behave(FAST, { failAfter: 0 });
    await until('software makes 160p', async () => (await encoders())[1] === null);
    await check('av0-160', from, { before, mostDamaged: MOST_DAMAGED });
    await check('av0-144', from, { before: other });
    assert.equal((await encoders())[0], on(SLOW), 'other devices are not concerned');
    await devices.behave(FAST, { sessions: 1 });
    const back = await newest('av0-160');
    const whole = await missing('av0-160');
    await until('the device makes 160p again', async () => (await encoders())[1] === on(FAST));
    await check('av0-160', back, { before: whole });
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(text, new RegExp(`oxbow_encoder_failures_total\\{device="${FAST}"\\} [1-9]`));
    assert.ok(server.log('warn').some(({ msg }) => msg.includes('software continues the quality')));
  });

  for (const [how, behaviour] of [
    ['hangs', { hangAfter: 0 }],
    ['takes pictures and returns none', { silentAfter: 0 }],
  ] as const) {
    fullTest(`continues in software when a device ${how}`, async () => {
      await until('both devices work', async () => (await encoders()).every((encoder) => encoder !== null), {
        withinMs: 60_000,
      });
      const from = await newest('av0-160');
      const before = await missing('av0-160');
      await devices.behave(FAST, behaviour);
      await until('the device is left', async () => (await stateOf(FAST)) === 'failed');
      await until('160p comes out', async () => (await made())[1]!.state === 'live');
      // How many depends on the time that a process takes to start.
      await check('av0-160', from, { before, mostDamaged: Number.POSITIVE_INFINITY });
      await devices.behave(FAST, { sessions: 1 });
      await until('the device works again', async () => (await stateOf(FAST)) === 'ready');
      const { list } = await readMedia(server, paths.av0!);
      assert.ok(
        list.segments.every((segment) => !segment.gap && !segment.discontinuity),
        'the source has everything',
      );
    });
  }
});
