import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { printInit } from '@oxbow/media/isobmff/init';
import { audioTrack, textTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { bytesOf, makeReal, packetsOf, realPairs, remux } from '@oxbow/media/isobmff/real-media.fixture';
import { need } from '../../../test/fixtures/need.ts';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import { createNet } from '../../net/net.ts';
import { RecordingInput, spanOf } from '../pull/run/recording-input.fixture.ts';
import { type FileFaults, openFileServer } from './file-server.fixture.ts';
import { runMp4Pull } from './mp4.ts';

const log = { info() {}, warn() {} };
const LENGTH_S = 3;
/** Before each further request after a failed one: three quarters of half a second, and doubled each time. */
const PAUSES_MS = [375, 750, 1500, 3000];

/** Pulls a file to its end; `tookMs` is virtual time. */
async function pull(bytes: Uint8Array, faults: FileFaults = {}) {
  using time = openVirtualTime();
  const { clock } = time;
  await using server = await openFileServer(bytes, faults);
  await using net = createNet({ allow: [] });
  const input = new RecordingInput();
  const facts: SourceFacts[] = [];
  const startMs = clock.nowMs();
  const options = { url: server.url, input, net, clock, log, onFacts: (fact: SourceFacts) => void facts.push(fact) };
  await time.settled('the pull', runMp4Pull(options, new AbortController()));
  return { input, facts, ranges: server.ranges, startMs, tookMs: time.nowMs };
}

const md5 = (bytes: Uint8Array) => `MD5:${createHash('md5').update(bytes).digest('hex')}`;

/** Asserts that every packet of the file was published with its bytes, in order. */
function assertAll(path: string, input: RecordingInput): void {
  const packets = packetsOf(path);
  for (const stream of [0, 1]) {
    const expected = packets.filter((packet) => packet.stream === stream).map(({ hash, key }) => [hash, key]);
    const frames = input.runs.flatMap(({ frames }) => frames).filter(({ trackId }) => trackId === stream + 1);
    const seen = frames.map(({ data, key }) => [md5(data), key]);
    // Audio may be a little longer than video; frames after the end of the video are dropped.
    assert.ok(expected.length - seen.length <= (stream === 1 ? 3 : 0), `${seen.length} of ${expected.length}`);
    assert.deepEqual(seen, expected.slice(0, seen.length));
  }
}

suite('an MP4 file over HTTP', { skip: need('ffmpeg') }, () => {
  let folder: string;
  const files = new Map<string, string>();
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-mp4-'));
    for (const pair of realPairs) {
      const plain = makeReal(pair, folder);
      files.set(`${pair.video} end`, plain);
      files.set(`${pair.video} front`, remux(plain, `${pair.video}-front.mp4`, '-movflags +faststart'));
    }
    const flags = '-movflags frag_keyframe+delay_moov+default_base_moof';
    files.set('av1 fragmented', remux(files.get('av1 end')!, 'fragmented.mp4', flags));
    files.set('h264 in band', remux(remux(files.get('h264 end')!, 'plain.ts', '-f mpegts'), 'avc3.mp4', '-tag:v avc3'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, faults] of [
    ['vp9 front', {}],
    ['hevc end', {}],
    ['av1 end', { cuts: { times: 4, bytes: 10_000 } }],
    ['h264 front', { noRanges: true }],
    ['h264 front', { noRanges: true, cuts: { times: 4, bytes: 20_000 } }],
    ['av1 fragmented', {}],
    ['av1 fragmented', { noRanges: true, cuts: { times: 2, bytes: 30_000 } }],
    ['hevc front', { statuses: [503, 404] }],
  ] as const satisfies readonly (readonly [string, FileFaults])[]) {
    test(`${name}, ${JSON.stringify(faults)}: every frame, at the speed of the media`, async () => {
      const path = files.get(name)!;
      const { input, startMs, tookMs } = await pull(bytesOf(path), faults);
      assertAll(path, input);
      assert.deepEqual(input.damages, []);
      assert.equal(input.runs.length, 1);
      const [run] = input.runs;
      const { fromUs, toUs } = spanOf(run!);
      const failures = 'statuses' in faults ? faults.statuses.length : 'cuts' in faults ? faults.cuts.times : 0;
      const heldMs = PAUSES_MS.slice(0, failures).reduce((sum, ms) => sum + ms, 0);
      assert.equal(fromUs / 1000, startMs + heldMs, 'it begins at the first answer that is complete');
      assert.equal(toUs - fromUs, LENGTH_S * 1e6);
      assert.equal(tookMs, heldMs + LENGTH_S * 1000, 'nothing is published before its time');
      assert.deepEqual(run!.start.clock, 'arrival');
      assert.deepEqual(run!.start.pace, { kind: 'bursty', intervalS: 3 });
      // Before the first frame any failure is a gap, later only a long one.
      assert.equal(input.absences.length, failures > 0 ? 1 : 0);
    });
  }

  test('in-band parameter sets are removed and form the configuration', async () => {
    const { input } = await pull(bytesOf(files.get('h264 in band')!));
    const { input: plain } = await pull(bytesOf(files.get('h264 end')!));
    // The detour over MPEG-TS adds parameter sets and also delimiters to the samples.
    const slicesOf = ({ runs }: RecordingInput) =>
      runs[0]!.frames
        .filter(({ trackId }) => trackId === 1)
        .map(({ data }) => md5(data.subarray(data[4] === 9 ? 6 : 0)));
    assert.deepEqual(slicesOf(input), slicesOf(plain));
    assert.deepEqual(input.runs[0]!.start.tracks[0]!.config.record, plain.runs[0]!.start.tracks[0]!.config.record);
  });

  test('reports its facts', async () => {
    const { facts } = await pull(bytesOf(files.get('vp9 front')!));
    assert.equal(facts.length, 1);
    const { protocol, container, live, durationS, qualities, chosen } = facts[0]!;
    assert.deepEqual([protocol, container, live, chosen], ['mp4', 'mp4', false, '90p']);
    assert.ok(Math.abs(durationS! - LENGTH_S) < 0.1);
    assert.equal(qualities[0]!.frameRate, 25);
    assert.match(qualities[0]!.codecs!, /^vp09\.00\.\d\d\.08,mp4a\.6B$/);
  });

  test('what an edit list hides, and sound before the first picture, are not passed over in silence', async () => {
    const film = files.get('h264 end')!;
    const make = (name: string, args: string) => {
      const made = join(folder, name);
      execFileSync('ffmpeg', ['-v', 'error', '-y', ...args.split(' '), '-c', 'copy', '-strict', '-2', made]);
      return bytesOf(made);
    };
    const { facts: plain } = await pull(bytesOf(film));
    assert.equal(plain[0]!.warnings, undefined);

    const trimmed = await pull(make('trimmed.mp4', `-ss 0.6 -i ${film}`));
    assert.deepEqual(trimmed.facts[0]!.warnings, ['0.6 s that the edit list of the file hides are shown.']);
    assert.deepEqual(trimmed.input.damages, []);

    for (const format of ['', ' -movflags frag_keyframe+delay_moov+default_base_moof']) {
      const late = await pull(make('late.mp4', `-itsoffset 1.5 -i ${film} -i ${film} -map 0:v -map 1:a${format}`));
      assert.deepEqual(late.input.damages, ['1.5 s of sound before the first picture'], format);
    }
  });

  test('an index after the media is refused if the server does not support ranges', async () => {
    const refused = pull(bytesOf(files.get('h264 end')!), { noRanges: true });
    await assert.rejects(refused, {
      code: 'unsupported-media',
      message: /index of the file \(moov\) comes after the media/,
    });
  });

  for (const noRanges of [false, true]) {
    test(`a file that changes during the pull ends it (${noRanges ? 'no ranges' : 'ranges'})`, async () => {
      const faults = { noRanges, cuts: { times: 1, bytes: 20_000 }, changing: true };
      const failed = pull(bytesOf(files.get('h264 front')!), faults);
      await assert.rejects(failed, { code: 'source-failed', message: 'The file has changed on the server.' });
    });
  }

  test('a server that pauses too long causes a gap, and the rest is a new run', async () => {
    using time = openVirtualTime();
    const { clock } = time;
    const bytes = bytesOf(files.get('vp9 front')!);
    await using server = await openFileServer(bytes, { noRanges: true, holdFrom: Math.floor(bytes.length * 0.8) });
    await using net = createNet({ allow: [] });
    const input = new RecordingInput();
    const done = runMp4Pull({ url: server.url, input, net, clock, log }, new AbortController());
    await time.until('the gap', () => input.absences.length === 1);
    assert.deepEqual(input.absences, ['source-down the server is slower than the media']);
    assert.equal(time.nowMs, 9000, 'five seconds after the next picture group was due');
    await time.runFor(1000);
    server.release();
    await time.settled('the pull', done);
    assert.equal(input.runs.length, 2);
    const [first, second] = input.runs.map(spanOf);
    assert.equal(second!.fromUs - first!.toUs, 8_000_000, 'as long as nothing came');
    assertAll(files.get('vp9 front')!, input);
  });
});

suite('a URL that is not a supported MP4 file', () => {
  test('is refused with the reason', async () => {
    await assert.rejects(pull(new TextEncoder().encode('<!DOCTYPE html><html></html>')), { name: 'FormatError' });
    const encrypted = Buffer.from(printInit([videoTrack, audioTrack]));
    encrypted.write('encv', encrypted.indexOf('avc1'));
    await assert.rejects(pull(encrypted), { code: 'unsupported-media', message: /encrypted/ });
    await assert.rejects(pull(concatBytes([printInit([videoTrack]).subarray(0, 32)])), { message: /no moov/ });
    const unknown = Buffer.from(printInit([videoTrack]));
    unknown.write('vp08', unknown.indexOf('avc1'));
    const text = printInit([textTrack]);
    await assert.rejects(pull(text), { code: 'unsupported-media', message: 'The file has no video and no audio.' });
    await assert.rejects(pull(unknown), { code: 'unsupported-media', message: /cannot take VP8 video/ });
  });

  test('aborts at once', async () => {
    using time = openVirtualTime();
    const { clock } = time;
    await using server = await openFileServer(new Uint8Array(100), { holdFrom: 0 });
    await using net = createNet({ allow: [] });
    const controller = new AbortController();
    const input = new RecordingInput();
    const done = runMp4Pull({ url: server.url, input, net, clock, log }, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(done, { message: 'enough' });
    assert.equal(time.nowMs, 0);
  });
});
