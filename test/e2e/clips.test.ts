import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import { reportOn } from '../../src/delivery/export/evidence.fixture.ts';
import { pictureHashes as decode, filmHashes, probe } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type HlsSpec, makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { perRequest, putSlidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, lastOf, perTier } from '../full.ts';

const run = promisify(execFile);

const SECONDS = 9.4;
const formats = ['mp4', 'mkv', 'ts'] as const;
type Format = (typeof formats)[number];

/** 30 pictures a second fall on no whole 100 µs. */
const sources: readonly (Pick<HlsSpec, 'codec' | 'container'> & { name: string; fps: number })[] = lastOf(1, [
  { name: 'avc', codec: 'h264', container: 'ts', fps: 30 },
  { name: 'hevc', codec: 'hevc', container: 'fmp4', fps: 25 },
]);

/** The one whose addresses are tried. */
const one = sources[0]!.name;

/** What mpv says of a machine that has other things to do: it plays as fast as it can here. */
const TOO_SLOW = /Audio\/Video desynchronisation detected![\s\S]*?A-V status field\)\./;

const decoded = new Map<string, Promise<readonly string[]>>();
/** MD5 of the pictures of a file, each of which is decoded once. */
const pictureHashes = (path: string): Promise<readonly string[]> => {
  const hashes = decoded.get(path) ?? decode(path);
  decoded.set(path, hashes);
  return hashes;
};

suite('clips in three formats', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let server: Server;
  /** Addresses of a stream's clip, without the extension. */
  const addresses = new Map<string, string>();
  const adminToken = 'token-of-an-administrator';
  const anonymous = async (path: string) => {
    const { status, headers } = await fetch(`${server.url}${path}`, { headers: { accept: '*/*' } });
    return status === 200 ? headers.get('content-type') : status;
  };
  const file = (name: string, format: Format) => join(folder.path, `${name}-clip.${format}`);

  before(async () => {
    folder = opened.use(await openFolder('clips'));
    origin = opened.use(await openOrigin({ folder: folder.path }));
    const args = await Promise.all(
      sources.map(async ({ name, ...shape }) => {
        const spec: HlsSpec = { folder: join(folder.path, name), seconds: SECONDS, bFrames: 3, ...shape };
        await makeHls(spec);
        const released = perRequest({ first: 3, step: 2 });
        const at = { folder: spec.folder, window: 4, released, path: `/${name}/live.m3u8` };
        return `${name}=${await putSlidingList(origin, at)}`;
      }),
    );
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), args, adminToken }));
    for (const { name } of sources) {
      const { from, to } = await until(`all of ${name} is recorded`, async () => {
        const view = await server.stream(name, 'over');
        return view.recorded.seconds > SECONDS - 0.01 && view.recorded;
      });
      // Not the whole: the first two groups are left out.
      const address = `/clip/${name}/${Date.parse(from!) + 2500}/${Date.parse(to!)}`;
      addresses.set(name, address);
      for (const format of formats) await writeFile(file(name, format), await server.bytes(`${address}.${format}`));
    }
  });
  after(() => opened.disposeAsync());

  for (const { name, fps } of sources) {
    test(`${name}: all formats have the same pictures and audio`, async () => {
      const [mp4, mkv, ts] = await filmHashes(
        formats.map((format) => file(name, format)),
        { aac: true },
      );
      const { pictures } = mp4!;
      decoded.set(file(name, 'mp4'), Promise.resolve(pictures));
      const source = await pictureHashes(join(folder.path, name, 'index.m3u8'));
      assert.ok(pictures.length >= 6 * fps && pictures.length < source.length);
      assert.deepEqual(pictures, source.slice(-pictures.length));
      for (const [format, film] of Object.entries({ mkv, ts })) {
        assert.deepEqual(film!.pictures, pictures, `.${format}`);
        assert.deepEqual(film!.sound, mp4!.sound, `.${format}`);
      }
    });

    test(`${name}: each lasts as long as its pictures, and ffprobe reports no errors`, async () => {
      const pictures = (await pictureHashes(file(name, 'mp4'))).length;
      for (const format of formats) {
        const { startS, durationS, format: found, streams } = await probe(file(name, format));
        assert.match(found, { mp4: /mp4/, mkv: /^matroska/, ts: /^mpegts$/ }[format]);
        assert.ok(format === 'ts' ? startS >= 1 && startS < 2 : startS === 0, `.${format} begins at ${startS} s`);
        assert.ok(Math.abs(durationS - pictures / fps) < 1.01 / fps, `.${format} lasts ${durationS} s`);
        const [video, sound] = [
          streams.find(({ kind }) => kind === 'video'),
          streams.find(({ kind }) => kind === 'audio'),
        ];
        const apartS = sound!.startS - video!.startS;
        assert.ok(apartS > -0.001 && apartS < 0.03, `.${format}: sound begins ${apartS} s after the pictures`);
      }
    });

    test(`${name}: MP4 and MKV are proved, by their evidence at the end, which takes ranges`, async () => {
      const { items } = await server.json<{ items: { id: string }[] }>('/api/v1/evidence/keys');
      const trusted = items.map(({ id }) => id);
      for (const format of ['mp4', 'mkv'] as const) {
        const bytes = await readFile(file(name, format));
        const { ok, findings, parts, keys } = await reportOn(bytes, trusted);
        assert.deepEqual([ok, findings, parts.length, keys.every((key) => key.trusted)], [true, [], 1, true]);
        const address = `${addresses.get(name)}.${format}`;
        const { headers } = await server.fetch(address, { method: 'HEAD' });
        assert.equal(headers.get('content-length'), String(bytes.length));
        const last = await server.fetch(address, { headers: { range: 'bytes=-2000' } });
        assert.equal(
          last.headers.get('content-range'),
          `bytes ${bytes.length - 2000}-${bytes.length - 1}/${bytes.length}`,
        );
        assert.ok(bytes.subarray(-2000).equals(Buffer.from(await last.arrayBuffer())));
        const again = await server.fetch(address, { headers: { 'if-none-match': headers.get('etag')! } });
        assert.equal(again.status, 304);
      }
      if (name !== one) return;
      const { code, stdout } = await runOxbow(['verify', file(name, 'mkv'), '--data', join(folder.path, 'data')]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /complete from .* to .*, no gap, unchanged\.\n {2}signed by \S+ \(known\)/);
    });

    fullTest(
      `${name}: a time-lapse has the key frames alone, lasts exactly as long as requested, and takes ranges`,
      async () => {
        const { from, to } = (await server.stream(name, 'over')).recorded;
        const address = `/timelapse/${name}/${Date.parse(from!)}/${Date.parse(to!)}/5.mp4`;
        const film = join(folder.path, `${name}-timelapse.mp4`);
        await writeFile(film, await server.bytes(address));
        const source = await pictureHashes(join(folder.path, name, 'index.m3u8'));
        const keys = source.filter((_, i) => i % (2 * fps) === 0); // segments of two seconds
        assert.deepEqual(await pictureHashes(film), keys);
        const { startS, durationS, streams } = await probe(film);
        assert.deepEqual([startS, durationS, streams.length], [0, 5, 1]);
        const whole = await readFile(film);
        const reply = await server.fetch(address, { headers: { range: 'bytes=1000-9999' } });
        assert.equal(reply.status, 206);
        assert.deepEqual(Buffer.from(await reply.arrayBuffer()), whole.subarray(1000, 10_000));
        const again = await server.fetch(address, { headers: { 'if-none-match': reply.headers.get('etag')! } });
        assert.equal(again.status, 304);
      },
    );

    fullTest(`${name}: a seek in .mkv shows the picture of that time`, async () => {
      const pictures = await pictureHashes(file(name, 'mp4'));
      const inside = fps + 7;
      const more = [0, Math.round(3.5 * fps), pictures.length - 2];
      for (const index of perTier({ first: [inside], full: [inside, ...more] })) {
        // Half a frame early: the player shows the first frame at or after the target.
        const at = Math.max(0, (index - 0.5) / fps).toFixed(4);
        const { stdout } = await run('ffmpeg', [
          '-v',
          'error',
          '-ss',
          at,
          '-i',
          file(name, 'mkv'),
          '-map',
          '0:v',
          '-frames:v',
          '1',
          '-f',
          'framemd5',
          '-',
        ]);
        assert.equal(stdout.trim().split(',').at(-1)!.trim(), pictures[index], `at ${at} s`);
      }
    });

    fullTest(`${name}: mpv plays .mkv and .ts to the end without a message`, { skip: need('mpv') }, async () => {
      for (const format of ['mkv', 'ts'] as const) {
        const options = [
          '--no-config',
          '--vo=null',
          '--ao=null',
          '--ao-null-untimed',
          '--untimed',
          '--msg-level=all=warn',
        ];
        const { stdout, stderr } = await run('mpv', [...options, file(name, format)], { timeout: 60_000 });
        assert.equal((stdout + stderr).replace(TOO_SLOW, '').trim(), '', `.${format}`);
      }
    });
  }

  for (const format of formats) {
    test(`.${format} supports HEAD, 304 and ranges like a file`, async () => {
      const address = `${addresses.get(one)}.${format}`;
      const whole = await readFile(file(one, format));
      const head = await server.fetch(address, { method: 'HEAD' });
      const etag = head.headers.get('etag')!;
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(whole.length)]);
      assert.equal(
        head.headers.get('content-type'),
        { mp4: 'video/mp4', mkv: 'video/matroska', ts: 'video/mp2t' }[format],
      );
      assert.match(head.headers.get('content-disposition')!, new RegExp(`filename="${one}-.*\\.${format}"`));
      assert.equal((await server.fetch(address, { headers: { 'if-none-match': etag } })).status, 304);
      const length = whole.length;
      const ranges = [
        [0, 0],
        [0, 1000],
        [length - 1, length - 1],
        ...Array.from({ length: 12 }, (_, i) => [Math.floor((length * i) / 13), Math.floor((length * (i + 2)) / 14)]),
      ];
      for (const [first, last] of ranges) {
        const response = await server.fetch(address, {
          headers: { range: `bytes=${first}-${last}`, 'if-range': etag },
        });
        assert.equal(response.status, 206);
        assert.equal(response.headers.get('content-range'), `bytes ${first}-${last}/${length}`);
        assert.ok(
          whole.subarray(first, last! + 1).equals(Buffer.from(await response.arrayBuffer())),
          `${first}-${last}`,
        );
      }
      assert.equal((await server.fetch(address, { headers: { range: `bytes=${length}-` } })).status, 416);
    });

    (format === 'mp4' ? test : fullTest)(
      `.${format} is complete after a resumed download`,
      { skip: need('curl') },
      async () => {
        const whole = await readFile(file(one, format));
        const target = join(folder.path, `resumed.${format}`);
        await writeFile(target, whole.subarray(0, Math.floor(whole.length * 0.37)));
        await run('curl', ['-sS', '--fail', '-C', '-', '-o', target, `${server.url}${addresses.get(one)}.${format}`]);
        assert.ok(whole.equals(await readFile(target)));
      },
    );
  }

  test('no error is logged', () => {
    assert.deepEqual(server.log('error'), []);
  });

  fullTest('a clip of a private stream that is public plays for anyone, and outlives a kill', async () => {
    const send = async (method: string, path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const response = await server.fetch(`/api/v1/${path}`, { method, headers, body: JSON.stringify(body) });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const list = { folder: join(folder.path, 'hevc'), window: 99, released: () => 99, path: '/hevc/hidden.m3u8' };
    const source = { type: 'pull', url: await putSlidingList(origin, list), from: '1h' };
    assert.equal((await send('POST', 'streams', { name: 'hidden', source, visibility: 'private' })).status, 201);
    const { recorded } = await until('all of it is recorded', async () => {
      const view = await server.stream('hidden', 'over');
      return view.recorded.seconds > SECONDS - 0.01 && view;
    });
    const fromMs = Date.parse(recorded.from!) + 2800;
    const span = { from: new Date(fromMs).toISOString(), to: new Date(fromMs + 4000).toISOString() };
    const wanted = { stream: 'hidden', ...span, title: 'Goal', visibility: 'public' };
    assert.deepEqual((await send('POST', 'clips', wanted)).body.code, 'clip-more-open');
    const { status, body } = await send('POST', 'clips', { ...wanted, confirm: true });
    assert.equal(status, 201);
    const { id, media, url } = body as unknown as ClipView;
    assert.deepEqual(
      [await anonymous(media.file), await anonymous(media.preview), await anonymous('/live/hidden/index.m3u8')],
      ['video/mp4', 'image/jpeg', 404],
    );
    const bytes = await server.bytes(media.file);
    // Its evidence is at its end, and not part of its media.
    assert.ok(bytes.length > media.sizeBytes);
    assert.equal((await server.bytes(`${media.file}?evidence=no`)).length, media.sizeBytes);
    assert.ok(Buffer.from(bytes).equals(await server.bytes(`/clip/hidden/${fromMs}/${fromMs + 4000}.mp4`)));
    await writeFile(join(folder.path, 'saved.mp4'), bytes);
    const { durationS } = await probe(join(folder.path, 'saved.mp4'));
    assert.ok(Math.abs(media.endS - media.startS - 4) < 0.002 && media.endS <= durationS + 0.001);
    // The picture at `startS` is the one that the stream had at `from`.
    const all = await pictureHashes(join(folder.path, 'hevc', 'index.m3u8'));
    const own = await pictureHashes(join(folder.path, 'saved.mp4'));
    assert.equal(own[Math.round(media.startS * 25)], all[Math.round(2.8 * 25)]);

    await server.stop('SIGKILL');
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken }));
    assert.deepEqual((await server.json<ClipView>(`/api/v1/clips/${id}`)).media, media);
    assert.ok(Buffer.from(bytes).equals(await server.bytes(media.file)));
    assert.match(String(await anonymous(url)), /^(?:text\/html|503)/);
    assert.equal((await server.fetch(`/api/v1/clips/${id}`, { method: 'DELETE' })).status, 204);
    assert.equal(await anonymous(media.file), 404);
    assert.deepEqual(server.log('error'), []);
  });
});
