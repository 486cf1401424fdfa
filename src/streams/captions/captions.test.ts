import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import { popOn, tripletsOf, withCaptions } from '@oxbow/media/captions/captions.fixture';
import type { Track } from '@oxbow/media/frame';
import { videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { openRangeReader } from '../../archive/range-reader.ts';
import { liveIndex } from '../../delivery/live/live.ts';
import { liveManifest } from '../../delivery/live/live-manifest.ts';
import { answerCaptions } from '../../delivery/past/captions.ts';
import { answerPastIndex, answerPastManifest } from '../../delivery/past/past.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { StreamInput } from '../../live/input.ts';
import { CaptionTable } from '../../recording/caption-table.ts';
import { configured, openStreams, START_MS, type StreamsRig, temporaryFolder } from '../streams.fixture.ts';
import { CaptionWatch } from './caption-watch.ts';

const SLICE = Uint8Array.of(0, 0, 0, 4, 0x65, 1, 2, 3);
const captioned = withCaptions(SLICE, tripletsOf(popOn('HELLO')));

/** A second of media, with captions in its first picture. */
function flow(rig: StreamsRig, input: StreamInput, data: Uint8Array): void {
  const from = Math.ceil(rig.clock.nowMs() / 100);
  for (let tick = from; tick < from + 10; tick++) {
    rig.clock.advance(100);
    const dts = tick * 9000;
    const isFirst = tick === from;
    input.publish({ trackId: 1, dts, pts: dts, duration: 9000, key: isFirst, data: isFirst ? data : SLICE });
  }
}

const textOf = (reply: Reply | undefined) =>
  Buffer.concat((reply?.body ?? []).map((part) => part as Uint8Array)).toString();
const startOf = (rig: StreamsRig): StreamInput => {
  const { input } = rig.source('door');
  input.startRun({ tracks: [videoTrack], utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } });
  return input;
};

test('captions of a live stream are announced once they were seen, and in the past after a restart', async () => {
  await using folder = await temporaryFolder();
  const window = { range: { fromUs: START_MS * 1000, toUs: START_MS * 1000 + 60_000_000 } };
  {
    await using rig = await openStreams({ folder: folder.path });
    await rig.control.configure({ door: configured() });
    const stream = rig.catalog.get('door').served;
    const input = startOf(rig);
    for (let second = 0; second < 6; second++) flow(rig, input, SLICE);
    assert.doesNotMatch(textOf(liveIndex(stream)), /CLOSED-CAPTIONS/, 'they may begin later');
    flow(rig, input, captioned);
    const list = textOf(liveIndex(stream));
    assert.match(list, /#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1",AUTOSELECT=YES,INSTREAM-ID="CC1"/);
    assert.match(list, /#EXT-X-STREAM-INF:.*CLOSED-CAPTIONS="cc"/);
    assert.match(textOf(liveManifest(stream)), /cea-608:2015" value="CC1=und"/);
    await rig.settle();
  }
  await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 600_000 });
  await rig.control.configure({ door: configured() });
  const stream = rig.catalog.get('door').served;
  assert.match(textOf(await answerPastIndex(stream, window)), /CLOSED-CAPTIONS="cc"/);
  assert.match(textOf(await answerPastManifest(stream, window)), /cea-608:2015" value="CC1=und"/);
  // As text, on the clock of the range.
  using reader = openRangeReader(rig.segments);
  const { signal } = new AbortController();
  const range = { from: String(START_MS / 1000 + 2), to: '30s' };
  const captions = await answerCaptions(stream, { ...range, channel: undefined }, { reader, signal });
  assert.match(textOf(captions), /^WEBVTT\n\n00:00:04\.\d{3} --> 00:00:0\d\.\d{3} line:84\.67%.*\nHELLO\n$/);
  assert.equal(captions.contentType, 'text/vtt; charset=utf-8');
  assert.equal(textOf(await answerCaptions(stream, { ...range, channel: 3 }, { reader, signal })), 'WEBVTT\n');
  const long = answerCaptions(stream, { ...range, to: '61m', channel: undefined }, { reader, signal });
  await assert.rejects(long, { code: 'window-too-long' });
});

test('a complete window of a run without captions says that there are none', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  await rig.control.configure({ door: configured() });
  const stream = rig.catalog.get('door').served;
  const input = startOf(rig);
  for (let second = 0; second < 12; second++) flow(rig, input, SLICE);
  await rig.settle();
  const range = { fromUs: START_MS * 1000, toUs: START_MS * 1000 + 4_000_000 };
  assert.match(textOf(await answerPastIndex(stream, { range })), /CLOSED-CAPTIONS=NONE/);
  const growing = { fromUs: START_MS * 1000, toUs: START_MS * 1000 + 3_600_000_000 };
  assert.doesNotMatch(textOf(await answerPastIndex(stream, { range: growing })), /CLOSED-CAPTIONS/);
});

test('names and languages of the source are taken over; its captions are announced before they are seen', () => {
  const announced: (readonly CaptionChannel[] | undefined)[] = [];
  const table = new CaptionTable();
  const watch = new CaptionWatch((captions) => announced.push(captions), table);
  const run = { id: 3, utcOffsetUs: 0, clock: 'source' } as const;
  watch.startRun({
    run,
    tracks: [videoTrack],
    reference: videoTrack,
    pace: { kind: 'continuous' },
    startUs: 0,
    gaps: [],
  });
  const english = { service: 'CC1', language: 'en', name: 'English' };
  watch.declare([english, { service: 'CC9', language: 'und', name: 'unknown' }]);
  const frame = { trackId: 1, dts: 0, pts: 0, duration: 1, key: true };
  watch.write({ ...frame, data: captioned });
  watch.write({ ...frame, data: withCaptions(SLICE, tripletsOf(popOn('HOLA', 1, 2), 2)) });
  const spanish = { service: 'CC3', language: 'und', name: 'CC3' };
  assert.deepEqual(announced, [[english], [english, spanish]]);
  assert.deepEqual(table.of(3), [english, spanish]);
  watch.declare([]);
  assert.deepEqual(
    announced.at(-1)?.map(({ name }) => name),
    ['CC1', 'CC3'],
  );
  // Another picture: another encoder.
  const other = { ...videoTrack, config: { ...videoTrack.config, width: 640 } } as Track;
  watch.startRun({
    run: { ...run, id: 4 },
    tracks: [other],
    reference: other,
    pace: { kind: 'continuous' },
    startUs: 0,
    gaps: [],
  });
  assert.deepEqual([announced.at(-1), table.of(4)], [[], []], 'the source says that there are none');
});

test('a process that runs for months forgets the captions of its oldest runs', () => {
  const table = new CaptionTable();
  for (let run = 1; run <= 20_001; run++) table.set(run, []);
  assert.deepEqual([table.of(1), table.of(2), table.of(20_001)], [undefined, [], []]);
});
