import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { BitWriter } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { adtsConfig, parseAdtsHeader } from './adts.ts';
import { aacConfigFromRecord, parseAacConfig, printAacConfig } from './config.ts';
import { silentFrame } from './silence.ts';

const lc = (channelConfiguration: number, sampleRate = 48_000) =>
  aacConfigFromRecord(printAacConfig({ objectType: 2, sampleRate, channelConfiguration }));

suite('AudioSpecificConfig (14496-3, 1.6.2.1)', () => {
  test('AAC-LC in 44.1 kHz stereo is 12 10', () => {
    const record = printAacConfig({ objectType: 2, sampleRate: 44_100, channelConfiguration: 2 });
    assert.deepEqual([...record], [0x12, 0x10]);
    assert.deepEqual(aacConfigFromRecord(record), {
      codec: 'aac',
      record,
      codecs: 'mp4a.40.2',
      sampleRate: 44_100,
      channels: 2,
    });
  });

  test('a rate without an index is written out', () => {
    const record = printAacConfig({ objectType: 2, sampleRate: 50_000, channelConfiguration: 1 });
    assert.deepEqual([record.length, parseAacConfig(record).sampleRate], [5, 50_000]);
  });

  test('explicit SBR: hierarchical is mp4a.40.5 and 29, backward compatible stays mp4a.40.2', () => {
    const sbr = new BitWriter().u(5, 5).u(6, 4).u(2, 4).u(3, 4).u(2, 5).u(0, 3).finish();
    assert.deepEqual(parseAacConfig(sbr).sbrRate, 48_000);
    assert.deepEqual([aacConfigFromRecord(sbr).codecs, aacConfigFromRecord(sbr).sampleRate], ['mp4a.40.5', 48_000]);
    const ps = new BitWriter().u(29, 5).u(6, 4).u(1, 4).u(3, 4).u(2, 5).u(0, 3).finish();
    assert.deepEqual([aacConfigFromRecord(ps).codecs, aacConfigFromRecord(ps).channels], ['mp4a.40.29', 2]);
    const sync = new BitWriter()
      .u(2, 5)
      .u(6, 4)
      .u(1, 4)
      .u(0, 3)
      .u(0x2b7, 11)
      .u(5, 5)
      .u(1, 1)
      .u(3, 4)
      .u(0x548, 11)
      .u(1, 1)
      .finish();
    const parsed = parseAacConfig(sync);
    assert.deepEqual(
      [parsed.objectType, parsed.sampleRate, parsed.sbrRate, parsed.parametricStereo],
      [2, 24_000, 48_000, true],
    );
    assert.equal(aacConfigFromRecord(sync).codecs, 'mp4a.40.2');
    const none = new BitWriter().u(2, 5).u(6, 4).u(1, 4).u(0, 3).u(0x111, 11).u(5, 5).u(0, 16).finish();
    assert.equal(parseAacConfig(none).sbrRate, undefined);
  });

  test('frames of 960 samples, core coder delay, extension flags and escaped object types are read', () => {
    const short = new BitWriter().u(2, 5).u(3, 4).u(2, 4).u(1, 1).u(1, 1).u(77, 14).u(0, 1).finish();
    assert.equal(parseAacConfig(short).samplesPerFrame, 960);
    const low = new BitWriter().u(23, 5).u(3, 4).u(2, 4).u(0, 2).u(1, 1).u(0, 4).finish();
    assert.equal(parseAacConfig(low).samplesPerFrame, 512);
    const usac = new BitWriter().u(31, 5).u(10, 6).u(3, 4).u(2, 4).finish();
    assert.equal(aacConfigFromRecord(usac).codecs, 'mp4a.40.42');
  });

  test('channels in a program_config_element are counted', () => {
    const bits = new BitWriter().u(2, 5).u(3, 4).u(0, 4).u(0, 3);
    bits.u(0, 10).u(1, 4).u(0, 4).u(1, 4).u(1, 2).u(0, 3).u(0, 4).u(1, 1).u(0, 4).u(0, 1).u(1, 1).u(0, 3);
    bits.u(1, 1).u(0, 4).u(0, 1).u(1, 4).u(0, 4); // a pair in front, one behind, one low
    while (bits.length % 8 !== 0) bits.u(0, 1);
    assert.equal(parseAacConfig(bits.u(1, 8).u(65, 8).finish()).channels, 4);
  });

  test('reserved rates and channels are a FormatError', () => {
    assert.throws(() => parseAacConfig(new BitWriter().u(2, 5).u(13, 4).u(2, 7).finish()), { name: 'FormatError' });
    assert.throws(
      () => parseAacConfig(printAacConfig({ objectType: 2, sampleRate: 48_000, channelConfiguration: 9 })),
      { name: 'FormatError' },
    );
    assert.throws(() => parseAacConfig(Uint8Array.of(0x12)), { name: 'FormatError' });
  });

  test('2,000 random configurations give values or a FormatError', () => {
    const random = seeded(5);
    for (let round = 0; round < 2000; round++) {
      const bytes = Uint8Array.from({ length: round % 17 }, () => random(256));
      try {
        const config = parseAacConfig(bytes);
        assert.ok(config.channels > 0 && config.sampleRate > 0);
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
  });
});

/** An ADTS header for a raw access unit. */
function printAdts(data: Uint8Array, rateIndex: number, channels: number): Uint8Array {
  const bits = new BitWriter().u(0xfff1, 16).u(1, 2).u(rateIndex, 4).u(0, 1).u(channels, 3).u(0, 4);
  return concatBytes([
    bits
      .u(data.length + 7, 13)
      .u(0x7ff, 11)
      .u(0, 2)
      .finish(),
    data,
  ]);
}

suite('ADTS (14496-3, 1.A.2.2)', () => {
  test('the header gives profile, rate, channels and lengths', () => {
    const frame = printAdts(new Uint8Array(300), 4, 2);
    const header = parseAdtsHeader(frame, 0, frame.length)!;
    assert.deepEqual(header, {
      objectType: 2,
      sampleRate: 44_100,
      channelConfiguration: 2,
      headerBytes: 7,
      frameBytes: 307,
      blocks: 1,
    });
    assert.deepEqual([...adtsConfig(header)!.record], [0x12, 0x10]);
    frame[1]! &= 0xfe;
    assert.equal(parseAdtsHeader(frame, 0, frame.length)!.headerBytes, 9);
  });

  test('no sync word, a layer, a reserved rate, a length below the header or the end: no header', () => {
    const good = printAdts(new Uint8Array(20), 4, 2);
    for (const [at, value] of [
      [0, 0xfe],
      [1, 0xf3],
      [2, 0x74],
      [4, 0],
    ] as const) {
      const bad = good.slice();
      bad[at] = value;
      if (at === 4) bad[5] = 0x1f;
      assert.equal(parseAdtsHeader(bad, 0, bad.length), undefined, `byte ${at}`);
    }
    assert.equal(parseAdtsHeader(good, 0, 6), undefined);
  });

  test('channel configuration 0 is no configuration', () => {
    const frame = printAdts(new Uint8Array(20), 4, 0);
    assert.equal(adtsConfig(parseAdtsHeader(frame, 0, frame.length)!), undefined);
  });
});

suite('silence', () => {
  test('other codecs and layouts are refused', () => {
    const main = aacConfigFromRecord(printAacConfig({ objectType: 1, sampleRate: 48_000, channelConfiguration: 2 }));
    assert.throws(() => silentFrame(main), { name: 'OxbowError', code: 'unsupported-media' });
    assert.throws(() => silentFrame(lc(11)), { name: 'OxbowError' });
  });

  test('decodes to 1024 zero samples a frame in mono, stereo and 5.1', { skip: need('ffmpeg') }, () => {
    for (const [configuration, channels] of [
      [1, 1],
      [2, 2],
      [6, 6],
    ] as const) {
      const frame = silentFrame(lc(configuration));
      assert.ok(frame.length < 40);
      const input = concatBytes(new Array<Uint8Array>(20).fill(printAdts(frame, 3, configuration)));
      const args = ['-v', 'error', '-xerror', '-f', 'aac', '-i', '-', '-f', 's16le', '-'];
      const samples = execFileSync('ffmpeg', args, { input });
      assert.equal(samples.length, 20 * 1024 * channels * 2);
      assert.ok(samples.every((byte) => byte === 0));
    }
  });
});
