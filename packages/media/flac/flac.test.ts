import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { flacCrc8, flacCrc16, parseFlacFrameHeader } from './frame-header.ts';
import { fuzzFlacFrame, fuzzFlacHeader } from './fuzz.fixture.ts';
import { silentFlacFrame } from './silence.ts';
import { flacConfigFromHeader, parseDfLa, printFlacHeader } from './stream-info.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
/**
 * What FFmpeg 8 sends for mono at 48 kHz with 24 bits: frames of 4608 samples, sizes, number of samples and
 * MD5.
 */
const STREAM_INFO = hex('1200 1200 0001a6 0004ff 0bb80170 00023280 15027356c02fd20916d92079cc250a39');
const MARKED = concatBytes([hex('664c6143 80000022'), STREAM_INFO]);
const DFLA = '00000000 80000022 1200 1200 000000 000000 0bb80170 00000000 00000000000000000000000000000000';

/** A header with its checksum. */
const frame = (text: string) => {
  const head = hex(text);
  return concatBytes([head, Uint8Array.of(flacCrc8(head, 0, head.length), 0, 0)]);
};

test('STREAMINFO alone, as FFmpeg sends it, and behind the marker give the same record, without what a whole stream has', () => {
  const config = flacConfigFromHeader(STREAM_INFO);
  assert.deepEqual(config, { codec: 'flac', record: hex(DFLA), codecs: 'fLaC', sampleRate: 48_000, channels: 1 });
  assert.deepEqual(flacConfigFromHeader(MARKED), config);
  const comment = hex('00000022');
  const more = concatBytes([MARKED.with(4, 0), comment, new Uint8Array(34)]);
  assert.deepEqual(flacConfigFromHeader(more), config, 'more blocks of metadata are left out');
  assert.deepEqual(parseDfLa(config.record), {
    leastBlock: 4608,
    mostBlock: 4608,
    sampleRate: 48_000,
    channels: 1,
    bitDepth: 24,
  });
  assert.deepEqual(printFlacHeader(config.record), concatBytes([hex('664c6143'), hex(DFLA).subarray(4)]));
});

test('what is no header of FLAC is refused', () => {
  const refused: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(0), /ends early|past the end|beyond/i],
    [MARKED.with(0, 0x46), /without its marker/],
    [MARKED.with(4, 0x84), /not STREAMINFO/],
    [MARKED.with(7, 33), /not STREAMINFO/],
    [MARKED.subarray(0, 41), /ends early|past the end|beyond/i],
    [STREAM_INFO.with(2, 0).with(3, 15), /blocks of 4608 to 15 samples/],
    [STREAM_INFO.with(10, 0).with(11, 0).with(12, 0x01), /without a sample rate/],
    [STREAM_INFO.with(12, 0).with(13, 0x20), /3 bits per sample/],
  ];
  for (const [header, message] of refused) assert.throws(() => flacConfigFromHeader(header), message);
  assert.throws(() => parseDfLa(hex(DFLA).with(0, 1)), /unknown version/);
});

test('a frame header says its samples, rate, channels and depth in each of its forms (RFC 9639, 9.1)', () => {
  const read = (text: string) => {
    const header = parseFlacFrameHeader(frame(text));
    return header && [header.samples, header.sampleRate, header.channels, header.bitDepth, header.headerBytes];
  };
  assert.deepEqual(read('fff8 5a 08 00'), [4608, 48_000, 1, 16, 6]);
  assert.deepEqual(read('fff8 c9 98 c280'), [4096, 44_100, 2, 16, 7]);
  assert.deepEqual(read('fff9 10 10 f091 9191'), [192, undefined, 2, undefined, 9]);
  assert.deepEqual(read('fff8 7c 70 00 11ff 60'), [4608, 96_000, 8, undefined, 9]);
  assert.deepEqual(read('fff8 6d ac 00 0f 1234'), [16, 0x1234, 2, 24, 9]);
  assert.deepEqual(read('fff8 fe 0e 00 1000'), [32_768, 40_960, 1, 32, 8]);
  assert.deepEqual(read('fff8 81 a8 fe8080808080 80'), [256, 88_200, 2, 16, 12]);
});

test('what is no frame header is none', () => {
  const none = ['fffa5a0800', 'fff80a0800', 'fff85f0800', 'fff85ab800', 'fff85a0600', 'fff85a0900', 'fff85a0880'];
  for (const text of [...none, 'fff8 7a 08 00 ffff']) assert.equal(parseFlacFrameHeader(frame(text)), undefined, text);
  const good = frame('fff85a0800');
  assert.equal(parseFlacFrameHeader(good.with(5, good[5]! ^ 1)), undefined);
  for (let end = 0; end < 6; end++) assert.equal(parseFlacFrameHeader(good, 0, end), undefined);
});

test('a silent frame has the samples of a block, and checksums that fit', () => {
  const silence = silentFlacFrame(flacConfigFromHeader(STREAM_INFO));
  assert.deepEqual(parseFlacFrameHeader(silence), {
    headerBytes: 8,
    samples: 4608,
    sampleRate: 48_000,
    channels: 1,
    bitDepth: 24,
  });
  assert.equal(flacCrc16(silence, 0, silence.length), 0);
  assert.equal(silence.length, 8 + 4 + 2);
});

test('2,000 random headers and frames give fields or nothing', () => {
  assert.ok(fuzzFlacHeader(21, 2000) > 200);
  assert.ok(fuzzFlacFrame(22, 2000) > 50);
});
