import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import type { Frame, Track } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import {
  MessageSplitter,
  messageKinds,
  parseAnswer,
  parseFrame,
  parseJson,
  parseMark,
  parseRequest,
  parseTracks,
  printAnswer,
  printFrame,
  printMark,
  printMessage,
  printRequest,
  printTracks,
} from './frame-protocol.ts';

const frame: Frame = {
  trackId: 1,
  dts: 161_564_785_380_000,
  pts: 161_564_785_387_200,
  duration: 3_600,
  key: true,
  data: Uint8Array.of(1, 2, 3),
};
const tracks: Track[] = [
  {
    id: 1,
    timescale: 90_000,
    language: 'und',
    label: '',
    kind: 'video',
    config: { codec: 'h264', record: Uint8Array.of(1, 100, 0, 30), codecs: 'avc1.64001e', width: 640, height: 360 },
  },
];
const payloadOf = (message: Uint8Array) => message.subarray(5);

suite('messages of the media engine', () => {
  test('a frame keeps its 64-bit times exactly', () => {
    const read = parseFrame(payloadOf(printFrame(frame)));
    assert.deepEqual({ ...read, data: [...read.data] }, { ...frame, data: [1, 2, 3] });
    const early = { ...frame, dts: -7_200, pts: 0, key: false };
    assert.equal(parseFrame(payloadOf(printFrame(early))).dts, -7_200);
  });

  test('a mark keeps its id and whether the media ends; a truncated one is refused', () => {
    const mark = { id: 2 ** 32 - 1, ends: true };
    assert.deepEqual(parseMark(payloadOf(printMark(mark))), mark);
    assert.deepEqual(parseMark(payloadOf(printMark({ id: 0, ends: false }))), { id: 0, ends: false });
    assert.throws(() => parseMark(Uint8Array.of(0, 0, 0, 1)), FormatError);
  });

  test('tracks, requests and answers survive a round trip', () => {
    assert.deepEqual(parseTracks(payloadOf(printTracks(tracks))), tracks);
    const request = {
      id: 4_000_000_000,
      operation: { what: 'still', atS: 1.5, width: 320 },
      bytes: Uint8Array.of(9),
    } as const;
    const read = parseRequest(payloadOf(printRequest(request)));
    assert.deepEqual({ ...read, bytes: [...read.bytes] }, { ...request, bytes: [9] });
    const answer = parseAnswer(payloadOf(printAnswer({ id: 5, ok: false, cpuUs: 8600, bytes: Uint8Array.of(8) })));
    assert.deepEqual({ ...answer, bytes: [...answer.bytes] }, { id: 5, ok: false, cpuUs: 8600, bytes: [8] });
  });

  test('the splitter finds messages in chunks of any size', () => {
    const pipe = Buffer.concat([
      printMessage(3),
      printMessage(6, Uint8Array.of(1, 2)),
      printMessage(200, new Uint8Array(40)),
    ]);
    for (let size = 1; size <= pipe.length; size++) {
      const seen: string[] = [];
      const splitter = new MessageSplitter(64, (kind, payload) => seen.push(`${kind}:${payload.length}`));
      for (let at = 0; at < pipe.length; at += size) splitter.push(pipe.subarray(at, at + size));
      assert.deepEqual(seen, ['3:0', '6:2', '200:40'], `pieces of ${size} bytes`);
    }
  });

  test('a length of 0 or above the limit is refused before memory is allocated', () => {
    const splitter = () => new MessageSplitter(64, () => assert.fail('no message'));
    assert.throws(() => splitter().push(Uint8Array.of(0, 0, 0, 0)), FormatError);
    assert.throws(() => splitter().push(Uint8Array.of(255, 255, 255, 255)), FormatError);
  });

  test('a frame with dts > pts, or of track 0, is refused', () => {
    assert.throws(() => parseFrame(payloadOf(printFrame({ ...frame, dts: frame.pts + 1 }))), FormatError);
    assert.throws(() => parseFrame(payloadOf(printFrame({ ...frame, trackId: 0 }))), FormatError);
  });

  test('random output of a child throws FormatError and nothing else', () => {
    const random = seeded(20_261_120);
    const samples = [
      printFrame(frame),
      printTracks(tracks),
      printRequest({ id: 1, operation: { what: 'probe' }, bytes: new Uint8Array(3) }),
      printAnswer({ id: 1, ok: true, cpuUs: 1, bytes: new Uint8Array(3) }),
      printMessage(messageKinds.tracks, Buffer.from('[null,1,{"kind":"video","config":7}]')),
    ];
    const parsers = [parseFrame, parseTracks, parseRequest, parseAnswer, parseJson];
    for (let round = 0; round < 2_000; round++) {
      const bytes = samples[random(samples.length)]!.slice();
      for (let i = random(4); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(bytes.length + 1));
      const attempts = parsers.map((parse) => () => parse(cut.subarray(Math.min(5, cut.length))));
      attempts.push(() => new MessageSplitter(4_096, () => {}).push(cut));
      for (const attempt of attempts) {
        try {
          attempt();
        } catch (error) {
          assert.ok(error instanceof FormatError, `round ${round}: ${error}`);
        }
      }
    }
  });
});
