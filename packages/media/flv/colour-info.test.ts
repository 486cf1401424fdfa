import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { printAmf0 } from '../amf/amf0.ts';
import type { AmfObject, AmfValue } from '../amf/value.ts';
import { coloursOf, videoRangeOf } from '../colour/colours.ts';
import type { Track, VideoConfig } from '../frame.ts';
import { parseInit, printInit } from '../isobmff/init.ts';
import { hasSameConfig } from '../splice/same-config.ts';
import { parseColorInfo, printColorInfo } from './colour-info.ts';
import {
  AAC_RECORD,
  aac,
  at,
  avc,
  colorInfo,
  exVideo,
  HDR10,
  metadata,
  printAvcC,
  printPicture,
  VP9_KEY,
} from './forms.fixture.ts';
import { LiveFlvMuxer } from './live-muxer.ts';
import { type Demuxed, demux } from './media.fixture.ts';
import { type FlvMessage, PACKET } from './message.ts';

const PQ = { primaries: 9, transfer: 16, matrix: 9 };
const MASTERING = {
  points: [34_000, 16_000, 13_250, 34_500, 7500, 3000, 15_635, 16_450],
  maxLuminance: 10_000_000,
  minLuminance: 1,
};
const LIGHT = { maxContent: 1000, maxAverage: 400 };
const INFO = { colours: PQ, mastering: MASTERING, light: LIGHT };
const picture = (ms: number, key = true) => at(ms, avc(1, printPicture(key), key));
const infos = ({ tracks }: Demuxed) =>
  tracks.map((set) => set.map(({ config }) => (config as VideoConfig).colourInfo).find((info) => info));
const read = (value: AmfValue) => parseColorInfo(printAmf0(['colorInfo', value]))?.info;

suite('colorInfo of a publisher', () => {
  test('is that of the first run, whether it comes before or behind the configuration', () => {
    const start = [metadata({ videocodecid: 7, audiocodecid: 10 })];
    const [video, audio, info] = [avc(0, printAvcC()), aac(0, AAC_RECORD), colorInfo(HDR10)];
    for (const order of [
      [info, video, audio],
      [video, info, audio],
      [audio, info, video],
    ]) {
      const out = demux([...start, ...order, picture(0), picture(40)]);
      assert.deepEqual(infos(out), [INFO]);
      assert.deepEqual([out.frames.length, out.damage], [2, []]);
      assert.equal(out.tracks[0]!.length, 2, 'it waits for the sound');
    }
  });

  test('takes effect at the next key frame; what is repeated, and what changes nothing, begins no run', () => {
    const out = demux([
      ...[metadata({ videocodecid: 7 }), avc(0, printAvcC()), picture(0), at(40, colorInfo(HDR10)), picture(40, false)],
      ...[
        picture(80),
        at(80, colorInfo(HDR10)),
        picture(120),
        at(120, colorInfo({ junk: 1 }, 'hvc1')),
        picture(160, false),
      ],
      ...[picture(200), at(200, colorInfo(undefined)), picture(240)],
    ]);
    assert.deepEqual(infos(out), [undefined, INFO, undefined]);
    assert.equal(out.frames.length, 7);
    assert.deepEqual(out.damage, []);
  });

  test('is sent on to a receiver that takes it, and revoked by a run without', () => {
    const { tracks, frames } = demux([
      metadata({ videocodecid: 7 }),
      avc(0, printAvcC()),
      colorInfo(HDR10),
      picture(0),
    ]);
    const coloured = tracks.at(-1)!;
    const plain = coloured.map((track) => ({ ...track, config: withoutInfo(track) }) as Track);
    const sent = (fourCcs: ReadonlySet<string> | undefined, ...runs: (readonly Track[])[]): Demuxed => {
      const muxer = new LiveFlvMuxer({ enhanced: true, fourCcs });
      const messages: FlvMessage[] = [];
      for (const [i, run] of runs.entries()) {
        muxer.startRun(run, { utcOffsetUs: i * 1e6 });
        messages.push(...muxer.frame(frames[0]!));
      }
      const isColours = ({ type, body }: FlvMessage) => type === 9 && (body[0]! & 0x8f) === 0x84;
      // FFmpeg takes what has another frame type, or comes before the configuration, for a picture.
      for (const [i, each] of messages.entries()) {
        if (!isColours(each)) continue;
        assert.equal(each.body[0], 0xd4);
        assert.equal(messages[i - 1]!.body[1], 0);
      }
      return demux(messages);
    };
    // The first set of tracks is known before the colours.
    assert.deepEqual(infos(sent(new Set(['avc1']), coloured, plain, plain)), [undefined, INFO, undefined]);
    assert.deepEqual(infos(sent(undefined, coloured)), [undefined], 'an old player of H.264');
    assert.deepEqual(infos(sent(new Set(['hvc1']), coloured)), [undefined]);
  });

  test('says nothing against the parameter sets, which have precedence for each code point', () => {
    for (const [stated, colours] of [
      [[1, 1, 1], { primaries: 1, transfer: 1, matrix: 1 }],
      [[2, 2, 2], PQ],
      [[1, 2, 1], { primaries: 1, transfer: 16, matrix: 1 }],
    ] as const) {
      const out = demux([
        ...[metadata({ videocodecid: 7 }), colorInfo(HDR10, 'vp09')],
        exVideo('vp09', PACKET.sequenceStart, Uint8Array.of(0, 31, 0x82, ...stated, 0, 0)),
        exVideo('vp09', PACKET.codedFrames, VP9_KEY),
      ]);
      const [track] = out.tracks[0]!;
      const config = track!.config as VideoConfig;
      assert.deepEqual(coloursOf(config), colours);
      assert.deepEqual(config.colourInfo?.mastering, MASTERING);
      assert.equal(config.colourInfo?.colours !== undefined, stated[1] === 2);
    }
  });

  test('begins no run where the parameter sets state all that it says', () => {
    const out = demux([
      ...[
        metadata({ videocodecid: 7 }),
        exVideo('vp09', PACKET.sequenceStart, Uint8Array.of(0, 31, 0x82, 1, 2, 1, 0, 0)),
      ],
      exVideo('vp09', PACKET.codedFrames, VP9_KEY),
      colorInfo({ colorConfig: { colorPrimaries: 9, matrixCoefficients: 9 } }, 'vp09'),
      at(40, exVideo('vp09', PACKET.codedFrames, VP9_KEY)),
    ]);
    assert.deepEqual(infos(out), [undefined]);
  });
});

function withoutInfo({ config }: Track): Track['config'] {
  const { colourInfo, ...rest } = config as VideoConfig;
  assert.ok(colourInfo);
  return rest;
}

suite('values of colorInfo', () => {
  test('survive boxes and messages', () => {
    const [track] = demux([metadata({ videocodecid: 7 }), avc(0, printAvcC()), colorInfo(HDR10), picture(0)]).tracks.at(
      -1,
    )!;
    const init = printInit([track!]);
    const text = Buffer.from(init).toString('latin1');
    assert.ok(text.includes('colrnclx\0\x09\0\x10\0\x09\0') && text.includes('mdcv') && text.includes('clli'));
    const [again] = parseInit(init);
    assert.deepEqual((again!.config as VideoConfig).colourInfo, INFO);
    assert.ok(hasSameConfig(track, again));
    assert.deepEqual([videoRangeOf(track), videoRangeOf(again)], ['PQ', 'PQ']);
    const config = again!.config as VideoConfig;
    assert.deepEqual(parseColorInfo(printColorInfo(config))?.info, INFO);
    assert.ok(!hasSameConfig(track, { ...track!, config: withoutInfo(track!) } as Track));
  });

  test('that are bad or missing say nothing, each group for itself', () => {
    const { colorConfig, hdrMdcv, hdrCll } = HDR10 as Record<string, AmfObject>;
    const { redX, ...incomplete } = hdrMdcv!;
    assert.equal(redX, 0.68);
    for (const bad of [
      incomplete,
      { ...hdrMdcv, redX: Number.NaN },
      { ...hdrMdcv, blueY: 0.9 },
      { ...hdrMdcv, maxLuminance: 1e12 },
      { ...hdrMdcv, maxLuminance: 1, minLuminance: 2 },
      { ...hdrMdcv, greenX: '0.2' },
      [1, 2],
      null,
    ]) {
      assert.deepEqual(read({ colorConfig: colorConfig!, hdrMdcv: bad, hdrCll: hdrCll! }), {
        colours: PQ,
        light: LIGHT,
      });
    }
    assert.equal(read({ ...HDR10, hdrMdcv: { ...hdrMdcv, minLuminance: 0 } })?.mastering?.minLuminance, 0);
    for (const value of [-1, 256, 1.5, Number.POSITIVE_INFINITY, '16', {}]) {
      const colours = read({ colorConfig: { ...colorConfig, transferCharacteristics: value } })?.colours;
      assert.deepEqual(colours, { primaries: 9, transfer: 2, matrix: 9 });
    }
    for (const light of [{ maxCLL: -5 }, { maxCLL: 1e9, maxFall: 'x' }, {}])
      assert.equal(read({ hdrCll: light }), undefined);
    for (const nothing of [undefined, {}, null, 5, 'x', []]) assert.equal(read(nothing), undefined);
    assert.equal(parseColorInfo(printAmf0(['otherInfo', {}])), undefined);
  });

  test('are bounded: metadata above 16 KiB, or that is no AMF, is damage', () => {
    const long = colorInfo({ text: 'x'.repeat(16 * 1024) });
    const out = demux([
      long,
      exVideo('avc1', PACKET.metadata, Uint8Array.of(99)),
      exVideo('avc1', PACKET.metadata, new Uint8Array()),
    ]);
    assert.equal(out.damage.length, 2);
  });
});
