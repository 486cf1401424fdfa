import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ProbeView } from '../../src/api/probe.ts';
import type { ProbedLadder } from '../../src/cli/probe-ladder.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, type Said } from '../fixtures/server.ts';
import { fullTest } from '../full.ts';

suite('oxbow probe', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  before(async () => {
    folder = opened.use(await openFolder('probe'));
    const at = (name: string) => join(folder.path, name);
    await Promise.all([
      makeHls({ folder: at('ts'), seconds: 4, codec: 'h264', container: 'ts', size: '192x108' }),
      makeHls({ folder: at('fmp4'), seconds: 4, codec: 'hevc', container: 'fmp4', size: '256x144', fps: 30 }),
      makeHls({ folder: at('apart'), seconds: 4, audio: 'separate' }),
    ]);
    origin = opened.use(await openOrigin({ folder: folder.path }));
  });
  after(() => opened.disposeAsync());

  /** Probes one target after the other. */
  const probe = (targets: readonly string[], ...flags: string[]): Promise<Said[]> =>
    runCommandLines(targets.map((target) => ['probe', target, ...flags]));
  const parsed = ({ code, stdout, stderr }: Said): ProbeView & { readonly ladder: ProbedLadder } => {
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trimEnd().split('\n').length, 1, 'one line of JSON');
    return JSON.parse(stdout) as ProbeView & { readonly ladder: ProbedLadder };
  };

  test('prints tracks and pace of a live source with any kind of segments', async () => {
    const paths = ['ts/index.m3u8', 'fmp4/index.m3u8', 'apart/master.m3u8'];
    const found = await probe(
      paths.map((path) => `${origin.url}/${path}`),
      '--json',
    );
    const [ts, fmp4, apart] = [parsed(found[0]!), parsed(found[1]!), parsed(found[2]!)];
    assert.deepEqual([ts.protocol, ts.container, ts.live], ['hls', 'mpegts', false]);
    assert.match(ts.pace!, /bursts of about \d/);
    const [video, audio] = ts.tracks;
    assert.match(video!.codecs, /^avc1\./);
    assert.deepEqual([video!.width, video!.height], [192, 108]);
    assert.equal(audio!.codecs, 'mp4a.40.2');
    assert.equal(audio!.sampleRate, 48_000);

    assert.match(fmp4.tracks[0]!.codecs, /^hvc1\./);
    assert.deepEqual([fmp4.tracks[0]!.width, fmp4.tracks[0]!.height], [256, 144]);
    // Fragmented MP4 does not say it: it is measured.
    assert.equal(fmp4.tracks[0]!.frameRate, 30);

    assert.deepEqual(apart.tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
  });

  test('describes a file', async () => {
    const [said] = await probe([join(folder.path, 'ts', 'seg0.ts')], '--json');
    const found = parsed(said!);
    assert.deepEqual([found.protocol, found.container], ['file', 'mpegts']);
    const { plan, video } = found.ladder;
    assert.equal(plan, 'fixed', 'it is too short for samples');
    assert.ok(
      video.length > 0 && video.every(({ width, height }) => width <= 192 && width % 2 === 0 && height % 2 === 0),
    );
    assert.deepEqual(
      found.tracks.map(({ kind }) => kind),
      ['video', 'audio'],
    );
    assert.deepEqual([found.tracks[0]!.width, found.tracks[0]!.height], [192, 108]);
  });

  fullTest('prints a table for people', async () => {
    const [said] = await probe([`${origin.url}/ts/index.m3u8`]);
    const { code, stdout } = said!;
    assert.equal(code, 0);
    assert.match(stdout, /protocol +hls/);
    assert.match(stdout, /video +avc1\.\w+ .*192x108/);
    assert.match(stdout, /audio +mp4a\.40\.2 .*48000 Hz/);
  });

  fullTest('errors have a hint', async () => {
    const noise = join(folder.path, 'noise.bin');
    await writeFile(noise, Buffer.alloc(100_000, 'noise'));
    const refused = [
      [join(folder.path, 'nowhere.mp4'), /no file .*nowhere\.mp4/],
      [noise, /\S/],
      [`${origin.url}/nowhere.m3u8`, /404/],
      ['http://127.0.0.1:9/live.m3u8', /refuse/],
      ['rtsp://127.0.0.1/live', /rtsp|http/],
    ] as const;
    const found = await probe(refused.map(([target]) => target));
    for (const [i, [target, sentence]] of refused.entries()) {
      const { code, stdout, stderr } = found[i]!;
      assert.equal(code, 1, `${target}: ${stderr}`);
      assert.match(stderr, /^oxbow: /);
      assert.match(stderr, sentence, target);
      assert.ok(stderr.trimEnd().split('\n').length >= 2, `${target}: a hint follows`);
      assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+/m, 'no stack is shown');
      assert.equal(stdout, '');
    }
  });
});
