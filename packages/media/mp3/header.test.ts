import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzMp3Header } from './fuzz.fixture.ts';
import { mp3Config, parseMp3Header } from './header.ts';

const parse = (hex: string) => parseMp3Header(Buffer.from(hex, 'hex'), 0, hex.length / 2);

test('lengths and samples of each version and layer, as in files that encoders made', () => {
  const shape = (hex: string) => {
    const { version, layer, sampleRate, channels, frameBytes, samples } = parse(hex)!;
    return [version, layer, sampleRate, channels, frameBytes, samples];
  };
  assert.deepEqual(shape('fffb9064'), [1, 3, 44_100, 2, 417, 1152]); // 128 kbit/s
  assert.deepEqual(shape('fffb9264'), [1, 3, 44_100, 2, 418, 1152]); // the same, padded
  assert.deepEqual(shape('fff380c4'), [2, 3, 22_050, 1, 208, 576]); // 64 kbit/s
  assert.deepEqual(shape('ffe318c4'), [2.5, 3, 8000, 1, 72, 576]); // 8 kbit/s
  assert.deepEqual(shape('fffdc404'), [1, 2, 48_000, 2, 768, 1152]); // 256 kbit/s
});

test('what is reserved, free or cut off is no header', () => {
  for (const hex of [
    'fffb9c64',
    'fffbf064',
    'fffb0064',
    'fff99064',
    'ffeb9064',
    'fe fb9064'.replace(' ', ''),
    'fffb90',
  ]) {
    assert.equal(parse(hex), undefined, hex);
  }
});

test('the configuration has no record, and distinguishes MPEG-1 from MPEG-2', () => {
  assert.deepEqual(mp3Config(parse('fffb9064')!), {
    codec: 'mp3',
    record: new Uint8Array(0),
    codecs: 'mp4a.6B',
    sampleRate: 44_100,
    channels: 2,
  });
  assert.equal(mp3Config(parse('fff380c4')!).codecs, 'mp4a.69');
});

test('2,000 random headers are headers or not', () => {
  assert.ok(fuzzMp3Header(3, 2000) > 200);
});
