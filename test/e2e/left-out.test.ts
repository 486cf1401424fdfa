import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ProbeView } from '../../src/api/probe.ts';
import type { RecordSummary } from '../../src/streams/record/record.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { pictureHashes, probe, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Origin, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, type Said, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0'];
const aac = ['-c:a', 'aac', '-ac', '2'];
const dts = ['-c:a', 'dca', '-strict', '-2', '-ac', '2'];

/** Sources with a track that oxbow cannot take, the name of that track, and what is left. */
const sources = [
  { name: 'dts-ts', codecs: [...h264, ...dts], type: 'mpegts', leftOut: 'DTS audio', kept: ['video'] },
  {
    name: 'mpeg2-fmp4',
    codecs: ['-c:v', 'mpeg2video', ...aac],
    type: 'fmp4',
    leftOut: 'MPEG-2 video',
    kept: ['audio'],
  },
  { name: 'dts-fmp4', codecs: [...h264, ...dts], type: 'fmp4', leftOut: 'DTS audio', kept: ['video'] },
] as const;

suite('an unsupported track is reported', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let records: readonly Said[];
  before(async () => {
    folder = opened.use(await openFolder('left-out'));
    origin = opened.use(await openOrigin({ folder: folder.path }));
    const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=192x108:r=25:d=4', '-f', 'lavfi', '-i', 'sine=r=48000:d=4'];
    const make = async (name: string, args: readonly string[]) => {
      const made = await run('ffmpeg', ['-v', 'error', ...inputs, ...args, join(folder.path, name)]);
      assert.equal(made.code, 0, made.stderr);
    };
    // That is converted.
    const converted = { name: 'mpeg2-ts', codecs: ['-c:v', 'mpeg2video', ...aac], type: 'mpegts' };
    for (const { name, codecs, type } of [...sources, converted]) {
      await mkdir(join(folder.path, name));
      const hls = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '0', '-hls_segment_type', type];
      await make(join(name, 'index.m3u8'), [...codecs, ...hls]);
    }
    await mkdir(join(folder.path, 'nothing'));
    const ts = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '0'];
    await make(join('nothing', 'index.m3u8'), ['-vn', ...dts, ...ts]);
    await make('dts.mp4', [...h264, ...dts, '-movflags', '+faststart']);
    await make('good.mp4', [...h264, ...aac, '-movflags', '+faststart', '-timecode', '01:00:00:00']);
    records = await runCommandLines(
      sources.map(({ name }) => ['record', urlOf(name), '-o', join(folder.path, `${name}.mp4`), '--json']),
    );
  });
  after(() => opened.disposeAsync());
  const urlOf = (name: string) => `${origin.url}/${name}/index.m3u8`;

  for (const [i, { name, leftOut, kept }] of sources.entries()) {
    test(`${name}: record writes the rest, names it and exits 3`, async () => {
      const said = records[i]!;
      assert.equal(said.code, 3, said.stderr);
      assert.match(said.stderr, new RegExp(`Left out: ${leftOut}\\. oxbow cannot take this track`));
      const summary = JSON.parse(said.stdout) as RecordSummary;
      assert.deepEqual(
        summary.leftOut.map((track) => track.name),
        [leftOut],
      );
      const { streams } = await probe(join(folder.path, `${name}.mp4`));
      assert.deepEqual(
        streams.map((stream) => stream.kind),
        kept,
      );
    });
  }

  test('with --allow-missing-tracks it exits 0 with a warning; a source without unsupported tracks exits 0 without one', async () => {
    const [allowed, whole] = await runCommandLines([
      ['record', urlOf('dts-ts'), '-o', join(folder.path, 'allowed.mkv'), '--allow-missing-tracks'],
      ['record', `${origin.url}/good.mp4`, '-o', join(folder.path, 'good.mkv')],
    ]);
    assert.equal(allowed!.code, 0, allowed!.stderr);
    assert.match(allowed!.stderr, /Left out: DTS audio/);
    assert.deepEqual([whole!.code, whole!.stderr], [0, '']); // its time code is no media
  });

  test('MP4 sources and probe report it too, as text and as JSON', async () => {
    const file = `${origin.url}/dts.mp4`;
    const targets = [file, urlOf('dts-fmp4')];
    const [said, ...probes] = await runCommandLines([
      ['record', file, '-o', join(folder.path, 'file.mkv')],
      ...targets.map((target) => ['probe', target]),
      ...targets.map((target) => ['probe', target, '--json']),
    ]);
    assert.equal(said!.code, 3, said!.stderr);
    for (const { stdout } of probes.slice(0, 2)) {
      assert.match(stdout, /^left out +DTS audio \(not supported by oxbow\)$/m);
    }
    for (const { stdout } of probes.slice(2)) {
      assert.deepEqual((JSON.parse(stdout) as ProbeView).leftOut, [{ kind: 'audio', name: 'DTS audio' }]);
    }
  });

  test('if all tracks are unsupported, record and probe fail and list them', async () => {
    const target = urlOf('nothing');
    const answers = await runCommandLines([
      ['probe', target],
      ['record', target, '-o', join(folder.path, 'nothing.mp4')],
    ]);
    for (const { code, stderr } of answers) {
      assert.equal(code, 1, stderr);
      assert.match(stderr, /oxbow cannot take DTS audio\.\n +H\.264/);
    }
  });

  test('a server reports it as problem, in the log and in metrics while the stream is live; MPEG-2 it converts', async () => {
    const data = join(folder.path, 'data');
    await using server = await startServer({ data, args: [`door=${origin.url}/dts.mp4`, `old=${urlOf('mpeg2-ts')}`] });
    const view = await until('it is live', async () => {
      const found = await server.stream('door', 'live');
      return found.problem !== '' && found;
    });
    assert.equal(view.problem, 'Left out: DTS audio. oxbow cannot take this track.');
    assert.deepEqual(view.facts?.leftOut, [{ kind: 'audio', name: 'DTS audio' }]);
    const warned = server.log('warn').filter(({ track }) => track === 'DTS audio');
    assert.deepEqual(
      warned.map(({ stream, kind }) => [stream, kind]),
      [['door', 'audio']],
    );
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^oxbow_tracks_left_out\{stream="door",kind="audio"\} 1$/m);
    const old = await server.stream('old', 'over');
    assert.deepEqual(
      old.tracks.map(({ codecs, convertedFrom }) => [codecs.slice(0, 4), convertedFrom]),
      [
        ['avc1', 'mpeg2'],
        ['mp4a', undefined],
      ],
    );
    assert.equal(old.facts?.leftOut, undefined);
    const { spans, gaps } = await server.timeline('old');
    assert.deepEqual([spans.length, gaps], [1, []]);
    const atS = Math.floor(Date.parse(spans[0]!.from) / 1000);
    assert.equal((await pictureHashes(`${server.url}/vod/old/${atS}/10s/index.m3u8`)).length, 100);
  });
});
