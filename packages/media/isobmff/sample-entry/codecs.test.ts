import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fuzz, hevcTrack, videoTrack } from '../media.fixture.ts';
import { avcCodecs, hevcCodecs, parseAacConfig } from './codecs.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

suite('codec strings (RFC 6381)', () => {
  test('H.264 names profile, constraints and level', () => {
    assert.equal(avcCodecs(videoTrack.config.record), 'avc1.64001f');
    assert.throws(() => avcCodecs(bytes('01640020')), { name: 'FormatError' });
  });

  test('HEVC reverses its compatibility flags and drops trailing zero constraints (14496-15, E.3)', () => {
    assert.equal(hevcCodecs(hevcTrack.config.record), 'hvc1.1.6.L93.90');
    const high = new Uint8Array(hevcTrack.config.record);
    high.set([1, 0b01_1_00010, 0x20, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0x0a, 150]);
    assert.equal(hevcCodecs(high), 'hvc1.A2.4.H150.B0.0.0.0.0.A');
    assert.throws(() => hevcCodecs(new Uint8Array(22)), { name: 'FormatError' });
  });

  test('AAC names its object type, rate and channels, of the extension where SBR is signalled', () => {
    assert.deepEqual(parseAacConfig(bytes('1190')), { codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 });
    assert.deepEqual(parseAacConfig(bytes('1210')), { codecs: 'mp4a.40.2', sampleRate: 44_100, channels: 2 });
    // HE-AAC: object type 5, core at 24 kHz, output at 48 kHz.
    assert.deepEqual(parseAacConfig(bytes('2b118800')), { codecs: 'mp4a.40.5', sampleRate: 48_000, channels: 2 });
    // HE-AAC v2: one channel coded, two heard.
    assert.deepEqual(parseAacConfig(bytes('eb098800')), { codecs: 'mp4a.40.29', sampleRate: 48_000, channels: 2 });
    // A rate written out in 24 bits.
    assert.equal(parseAacConfig(bytes('1780177010')).sampleRate, 12_000);
    assert.throws(() => parseAacConfig(bytes('11')), { name: 'FormatError' });
    assert.throws(() => parseAacConfig(bytes('1690')), { name: 'FormatError', message: /reserved/ });
  });

  test('damaged records are refused with FormatError and nothing else', () => {
    fuzz(hevcTrack.config.record, 700, (record) => hevcCodecs(record));
    fuzz(videoTrack.config.record, 700, (record) => avcCodecs(record));
    fuzz(bytes('1190ffff'), 700, (record) => parseAacConfig(record));
  });
});
