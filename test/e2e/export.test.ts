import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { EvidenceCheck } from '../../src/api/evidence/evidence-shapes.ts';
import type { ExportJob, ExportResult, JobView } from '../../src/api/jobs/job-shapes.ts';
import { reportOn } from '../../src/delivery/export/evidence.fixture.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { audioHashes, pictureHashes, probe, run } from '../fixtures/ffmpeg.ts';
import { putJoinedList } from '../fixtures/joined-list.ts';
import { need } from '../fixtures/need.ts';
import { type HlsSpec, makeHls, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, runOxbow, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

/** The first stretch has B-frames, the second none: other parameter sets, pictures of the same size. */
const FIRST_S = 5.2;
const SECOND_S = 3;
const HOLE_S = 20;
const everySource = [
  { name: 'avc', codec: 'h264', container: 'ts', formats: ['mp4', 'mkv', 'ts'] },
  { name: 'hevc', codec: 'hevc', container: 'fmp4', formats: ['mp4'] },
] as const satisfies readonly (Pick<HlsSpec, 'codec' | 'container'> & { name: string; formats: readonly string[] })[];
const sources = firstOf(1, everySource);

/** Average PSNR of the first `count` pictures of two inputs, dB; both are scaled if a size is given. */
async function likeness(
  file: string,
  other: string,
  fromPicture: number,
  count: number,
  size?: string,
): Promise<number> {
  const scale = size === undefined ? '' : `scale=${size}:flags=bicubic,`;
  const trim = (input: string, start: number) =>
    `[${input}:v]${scale}trim=start_frame=${start}:end_frame=${start + count},setpts=PTS-STARTPTS`;
  const filter = `${trim('0', 0)}[a];${trim('1', fromPicture)}[b];[a][b]psnr`;
  const { stderr } = await run('ffmpeg', ['-i', file, '-i', other, '-filter_complex', filter, '-f', 'null', '-']);
  return Number(/average:([\d.]+|inf)/.exec(stderr)?.[1]?.replace('inf', '100'));
}

suite('export', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  /** By name of the stream: when its first stretch begins, ms since 1970. */
  const starts = new Map<string, number>();
  const timesOf = (name: string) => {
    const startMs = starts.get(name)!;
    const secondMs = startMs + (FIRST_S + HOLE_S) * 1000;
    return { startMs, secondMs, endMs: secondMs + SECOND_S * 1000 };
  };
  const file = (name: string) => join(folder.path, name);
  const stretch = (name: string, which: 'first' | 'second') => join(folder.path, `${name}-${which}`, 'index.m3u8');
  const exportLocally = async (...args: readonly string[]): Promise<ExportResult> => {
    const said = await runOxbow(['export', ...args, '--data', file('data'), '--json']);
    assert.equal(said.code, 0, said.stderr);
    const path = args[args.indexOf('-o') + 1]!;
    const result = JSON.parse(said.stdout) as ExportResult;
    const quality = args.indexOf('--quality');
    const isApart = path.endsWith('.ts') || (quality >= 0 && args[quality + 1] !== 'audio');
    assert.equal(result.evidence, isApart ? 'apart' : 'inside', path);
    const bytes = await readFile(path);
    const sidecar = isApart ? await readFile(`${path}.evidence`) : undefined;
    const report = await reportOn(bytes, [], sidecar);
    assert.deepEqual([report.findings, report.sealed], [[], isApart], `${path} is proved`);
    // Of a cut within one group all pictures are encoded again.
    if (report.segments === 0 && !isApart) return result;
    bytes[bytes.length >> 1]! ^= 1;
    assert.equal((await reportOn(bytes, [], sidecar)).ok, false);
    return result;
  };

  before(async () => {
    folder = opened.use(await openFolder('export'));
    const origin = opened.use(await openOrigin({ folder: folder.path }));
    for (const { name, codec, container } of sources) {
      const shape = { codec, container };
      const first = { ...shape, folder: join(folder.path, `${name}-first`), seconds: FIRST_S, bFrames: 2 };
      const second = { ...shape, folder: join(folder.path, `${name}-second`), seconds: SECOND_S, bFrames: 0 };
      await Promise.all([makeHls(first), makeHls(second)]);
      const stretches = [
        { folder: first.folder, path: `/${name}-first`, startMs: 0 },
        { folder: second.folder, path: `/${name}-second`, startMs: (FIRST_S + HOLE_S) * 1000 },
      ];
      const url = await putJoinedList(origin, stretches, () => {
        // Its end must lie near now, or its dates are not believed. Whole seconds, so that every picture
        // begins at a whole millisecond.
        const startMs = Math.floor(Date.now() / 1000) * 1000 - 30_000;
        starts.set(name, startMs);
        return startMs;
      });
      const said = await runOxbow(['record', url, '-o', file('data'), '--name', name]);
      assert.equal(said.code, 0, said.stderr);
    }
  });
  after(() => opened.disposeAsync());

  for (const { name, formats } of sources) {
    test(`${name}: a file of any format spans a gap and a change of parameter sets, with all pictures and audio`, async () => {
      const { startMs, endMs } = timesOf(name);
      const pictures = [
        ...(await pictureHashes(stretch(name, 'first'))),
        ...(await pictureHashes(stretch(name, 'second'))),
      ];
      for (const format of formats) {
        const path = file(`${name}.${format}`);
        const result = await exportLocally(name, '--from', `${startMs}`, '--to', `${endMs}`, '-o', path);
        assert.deepEqual(await pictureHashes(path), pictures, `.${format}`);
        const { durationS, streams } = await probe(path);
        assert.ok(Math.abs(durationS - FIRST_S - SECOND_S) < 0.05, `.${format} lasts ${durationS} s`);
        assert.equal(streams.length, 2);
        assert.equal(result.bytes, (await readFile(path)).length);
        assert.equal(result.parts.length, 2);
        if (format === 'mp4') {
          const verified = await runOxbow(['verify', path, '--data', file('data'), '--json']);
          assert.equal(verified.code, 0, verified.stdout);
          assert.equal((JSON.parse(verified.stdout) as EvidenceCheck).gaps.length, 1);
        }
        const [gap] = result.gaps;
        assert.equal(result.gaps.length, 1);
        assert.ok(Math.abs(Date.parse(gap!.to) - Date.parse(gap!.from) - HOLE_S * 1000) < 60);
        assert.ok(Math.abs(gap!.at - FIRST_S) < 0.05, `the hole is closed up at ${gap!.at}`);
      }
      const sound = await audioHashes(file(`${name}.mp4`));
      for (const format of formats.slice(1)) assert.deepEqual(await audioHashes(file(`${name}.${format}`)), sound);
    });

    fullTest(`${name}: an exact export has the requested pictures, and copies all but those at the edges`, async () => {
      const { startMs, secondMs } = timesOf(name);
      const [first, second] = [
        await pictureHashes(stretch(name, 'first')),
        await pictureHashes(stretch(name, 'second')),
      ];
      // From the 34th picture; up to the 58th of the second run, which has no B-frames and needs no
      // re-encoding.
      const from = startMs + 1300;
      const to = secondMs + 2300;
      for (const format of formats) {
        const path = file(`${name}-exact.${format}`);
        const result = await exportLocally(name, '--from', `${from}`, '--to', `${to}`, '-o', path, '--exact');
        const found = await pictureHashes(path);
        assert.equal(found.length, first.length - 33 + 58, `.${format}`);
        assert.equal(result.recoded, 17);
        assert.deepEqual(
          found.slice(17),
          [...first.slice(50), ...second.slice(0, 58)],
          `.${format}: copied bit by bit`,
        );
        const { startS, streams } = await probe(path);
        const apart = Math.abs(streams[0]!.startS - streams[1]!.startS);
        assert.ok(apart < 0.03, `.${format}: sound begins ${apart} s apart`);
        assert.ok(format === 'ts' || startS === 0);
      }
      const psnr = await likeness(file(`${name}-exact.mp4`), stretch(name, 'first'), 33, 17);
      assert.ok(psnr > 35, `pictures at the edge look like those of the source: ${psnr} dB`);
    });

    fullTest(`${name}: exact within one group of pictures, and with an end between B-frames`, async () => {
      const { startMs } = timesOf(name);
      const first = await pictureHashes(stretch(name, 'first'));
      const small = await exportLocally(
        ...[name, '--from', `${startMs + 1200}`, '--duration', '400ms', '-o', file(`${name}-small.mp4`), '--exact'],
      );
      assert.equal((await pictureHashes(file(`${name}-small.mp4`))).length, 10);
      assert.equal(small.recoded, 10);
      // Pictures 25 to 81: the key frames at 25, 50 and 75.
      const path = file(`${name}-end.mp4`);
      await exportLocally(name, '--from', `${startMs + 1000}`, '--to', `${startMs + 3280}`, '-o', path, '--exact');
      const found = await pictureHashes(path);
      assert.equal(found.length, 57);
      assert.deepEqual(found.slice(0, 50), first.slice(25, 75));
      const { durationS, streams } = await probe(path);
      assert.ok(Math.abs(durationS - 2.28) < 0.001, `it lasts ${durationS} s`);
      for (const { durationS: own } of streams) assert.ok(Math.abs(own - 2.28) < 0.03, `a track lasts ${own} s`);
    });
  }

  fullTest('several ranges become one file, in the requested order', async () => {
    const { startMs, secondMs } = timesOf('avc');
    const [first, second] = [
      await pictureHashes(stretch('avc', 'first')),
      await pictureHashes(stretch('avc', 'second')),
    ];
    const path = file('ranges.mp4');
    const ranges = [`${secondMs}/2s`, `${startMs + 1000}/${startMs + 3000}`];
    const result = await exportLocally('avc', '--range', ...ranges, '-o', path, '--exact');
    assert.deepEqual(await pictureHashes(path), [...second.slice(0, 50), ...first.slice(25, 75)]);
    assert.deepEqual([result.parts.length, result.gaps], [2, []]);
    const { durationS } = await probe(path);
    // The second range has two B-frames: its first picture is presented two pictures after its decode time.
    assert.ok(Math.abs(durationS - 4.08) < 0.05, `it lasts ${durationS} s`);
    const [both, wrong] = await runCommandLines([
      ['export', 'avc', '--from', '1', '--range', '1/2', '-o', file('none.mp4')],
      ['export', 'avc', '--range', '1', '-o', file('none.mp4')],
    ]);
    assert.equal(both!.code, 2);
    assert.match(wrong!.stderr, /--range is "1", not FROM\/TO/);
  });

  fullTest(
    'with a quality, pictures are encoded again and sound is copied, across gaps, ranges and exact cuts',
    async () => {
      const { startMs, endMs } = timesOf('avc');
      const whole = ['--from', `${startMs}`, '--to', `${endMs}`];
      const result = await exportLocally('avc', ...whole, '-o', file('small.mp4'), '--quality', '72p');
      const small = await probe(file('small.mp4'));
      const pictures = Math.round((FIRST_S + SECOND_S) * 25);
      assert.deepEqual([result.recoded, (await pictureHashes(file('small.mp4'))).length], [pictures, pictures]);
      assert.equal(small.streams[0]!.size, '128x72');
      assert.ok(Math.abs(small.durationS - FIRST_S - SECOND_S) < 0.05, `it lasts ${small.durationS} s`);
      assert.deepEqual([result.parts.length, result.gaps.length], [2, 1]);
      await exportLocally('avc', ...whole, '-o', file('copied.mp4'));
      assert.deepEqual(await audioHashes(file('small.mp4')), await audioHashes(file('copied.mp4')));
      for (const [picture, which] of [
        [0, 'first'],
        [FIRST_S * 25, 'second'],
      ] as const) {
        const psnr = await likeness(stretch('avc', which), file('small.mp4'), picture, 60, '128:72');
        assert.ok(psnr > 30, `${which}: ${psnr} dB`);
      }

      const other = sources.at(-1)!.name;
      const times = timesOf(other);
      const ranges = [`${times.secondMs + 200}/1s`, `${times.startMs + 1300}/${times.startMs + 3100}`];
      const cut = [...['--range', ...ranges], '-o', file('cut.mkv'), '--exact', '--quality', '72p:300k'];
      const { recoded, parts, seconds } = await exportLocally(other, ...cut);
      assert.deepEqual([recoded, parts.length], [25 + 45, 2]);
      assert.ok(Math.abs(seconds - 2.8) < 0.06, `it lasts ${seconds} s`);
      assert.ok((await likeness(stretch(other, 'second'), file('cut.mkv'), 0, 1, '128:72')) < 30, 'another picture');
      const psnr = await likeness(file('cut.mkv'), stretch(other, 'second'), 5, 25, '128:72');
      assert.ok(psnr > 30, `from the requested picture on: ${psnr} dB`);
      const { streams } = await probe(file('cut.mkv'));
      assert.ok(Math.abs(streams[0]!.startS - streams[1]!.startS) < 0.03, 'sound begins with the picture');

      const sound = await exportLocally('avc', ...whole, '-o', file('sound.mp4'), '--quality', 'audio');
      assert.deepEqual(await audioHashes(file('sound.mp4')), await audioHashes(file('copied.mp4')));
      assert.deepEqual([(await probe(file('sound.mp4'))).streams.length, sound.recoded], [1, 0]);
      const larger = await runOxbow([
        ...['export', 'avc', ...whole, '-o', file('none.mp4'), '--data', file('data'), '--quality', '720p'],
      ]);
      assert.match(larger.stderr, /720p is larger than the recording of avc, which has 90p there/);
    },
  );

  test('a failed export has a message and leaves no file', async () => {
    const { startMs } = timesOf('avc');
    const to = ['-o', file('none.mp4'), '--data', file('data')];
    await writeFile(file('kept.ts.evidence'), 'of another file');
    const [none, unknown, wrong, kept] = await runCommandLines([
      ['export', 'avc', '--from', '1500000000', '--duration', '1m', ...to],
      ['export', 'unknown', '--from', `${startMs}`, '--duration', '1m', ...to],
      ['export', 'avc', '--from', `${startMs}`, '-o', file('none.mp4')],
      ['export', 'avc', '--from', `${startMs}`, '--duration', '5s', '-o', file('kept.ts'), '--data', file('data')],
    ]);
    assert.match(kept!.stderr, /kept\.ts\.evidence exists already/);
    assert.equal(await readFile(file('kept.ts.evidence'), 'utf8'), 'of another file');
    assert.equal(none!.code, 1);
    assert.match(none!.stderr, /Nothing of avc is recorded/);
    assert.equal(unknown!.code, 1);
    assert.match(unknown!.stderr, new RegExp(`Streams: ${sources.map(({ name }) => name).join(', ')}`));
    assert.equal(wrong!.code, 2);
    assert.deepEqual(
      (await readdir(folder.path)).filter((entry) => entry.startsWith('none')),
      [],
    );
  });

  suite('over the API of a server', () => {
    let server: Server;
    before(async () => {
      server = await startServer({ data: file('data'), adminToken: 'let-me-in-please' });
    });
    after(() => server?.[Symbol.asyncDispose]());

    test('a job is created, polled, and its file downloaded completely or by range', async () => {
      const { startMs, endMs } = timesOf('avc');
      const ask = (body: unknown, headers: Record<string, string> = {}) =>
        server.fetch('/api/v1/exports', {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', ...headers },
        });
      const body = { stream: 'avc', from: `${startMs}`, to: `${endMs}`, format: 'mp4' };
      const [made, again] = [await ask(body, { 'idempotency-key': 'a' }), await ask(body, { 'idempotency-key': 'a' })];
      assert.equal(made.status, 202);
      const { id } = (await made.json()) as JobView;
      assert.equal(made.headers.get('location'), `/api/v1/jobs/${id}`);
      assert.equal(((await again.json()) as JobView).id, id);
      const job = await until('the export is done', async () => {
        const view = await server.json<ExportJob>(`/api/v1/jobs/${id}`);
        assert.notEqual(view.state, 'failed', JSON.stringify(view.error));
        return view.state === 'done' && view;
      });
      assert.equal(job.progress, 1);
      const { url, bytes, filename, gaps } = job.result!;
      assert.equal(gaps.length, 1);
      const whole = await server.fetch(url!);
      const content = Buffer.from(await whole.arrayBuffer());
      assert.equal(content.length, bytes);
      assert.equal(whole.headers.get('content-type'), 'video/mp4');
      assert.match(whole.headers.get('content-disposition')!, new RegExp(`^attachment; filename="${filename}"`));
      await writeFile(file('fetched.mp4'), content);
      assert.equal((await pictureHashes(file('fetched.mp4'))).length, Math.round((FIRST_S + SECOND_S) * 25));
      const range = await server.fetch(url!, { headers: { range: 'bytes=100-199' } });
      assert.equal(range.status, 206);
      assert.deepEqual(Buffer.from(await range.arrayBuffer()), content.subarray(100, 200));
      const etag = whole.headers.get('etag')!;
      assert.equal((await server.fetch(url!, { headers: { 'if-none-match': etag } })).status, 304);
      assert.equal((await server.fetch(url!, { headers: { range: `bytes=${bytes}-` } })).status, 416);
      const head = await server.fetch(url!, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(bytes)]);
      const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs');
      assert.deepEqual(
        items.map((one) => one.id),
        [id],
      );

      const refused = [
        [{ ...body, from: '1500000000', to: '1m' }, 404, 'no-media'],
        [{ ...body, stream: 'unknown' }, 404, 'stream-unknown'],
        [{ ...body, from: 'yesterday' }, 400, 'bad-time'],
        [{ ...body, to: body.from }, 400, 'bad-time'],
        [{ ...body, format: 'avi' }, 400, 'bad-request'],
        [{ ...body, quality: 'good' }, 400, 'bad-request'],
        [{ ...body, quality: '1080p' }, 400, 'bad-request'],
      ] as const;
      for (const [asked, status, code] of refused) {
        const answer = await ask(asked);
        assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [status, code]);
      }
      assert.equal((await fetch(`${server.url}${url}`)).status, 401, 'other users cannot download it');

      const deleted = await server.fetch(`/api/v1/jobs/${id}`, { method: 'DELETE' });
      assert.equal(deleted.status, 200);
      assert.equal((await server.fetch(url!)).status, 404);
      assert.deepEqual(await readdir(join(file('data'), 'exports')), []);
      assert.match(await (await server.fetch('/metrics')).text(), /oxbow_jobs_total\{kind="export",state="done"\} 1/);
    });

    test('the command line exports from the server of the data folder, or from the given one', async () => {
      const { startMs } = timesOf('avc');
      const range = ['--from', new Date(startMs).toISOString(), '--duration', '3s'];
      const held = await runOxbow(['export', 'avc', ...range, '-o', file('held.ts'), '--data', file('data')]);
      assert.equal(held.code, 0, held.stderr);
      const remote = ['--server', server.url, '--token', 'let-me-in-please'];
      const said = await runOxbow(['export', 'avc', ...range, '-o', file('remote.ts'), ...remote]);
      assert.equal(said.code, 0, said.stderr);
      const pictures = await pictureHashes(stretch('avc', 'first'));
      for (const name of ['held.ts', 'remote.ts']) {
        const found = await pictureHashes(file(name));
        assert.deepEqual(found, pictures.slice(0, found.length));
        assert.ok(found.length >= 75);
      }
      const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs');
      assert.deepEqual(items, [], 'the server keeps nothing of it');
      const wrong = await runOxbow(['export', 'avc', ...range, '-o', file('wrong.ts'), '--server', server.url]);
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /--token/);
    });
  });
});
