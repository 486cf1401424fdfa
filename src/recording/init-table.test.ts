import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { aacConfigFromRecord, printAacConfig } from '@oxbow/media/aac/config';
import { BitWriter } from '@oxbow/media/bits';
import { demux as demuxFlv, flvOf } from '@oxbow/media/flv/media.fixture';
import type { Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { makeTs, PICTURE, TONE, X264 } from '@oxbow/media/mpegts/media.fixture';
import { need } from '../../test/fixtures/need.ts';
import { audioTrack, videoTrack } from '../live/frames.fixture.ts';
import { InitTable } from './init-table.ts';

const openTable = () =>
  new InitTable([], { async save() {}, failed: assert.ifError, nowMs: () => Date.UTC(2020, 0, 1) });

/** A stream whose sound has this AudioSpecificConfig. */
function tracksOf(record: Uint8Array, timescale = 48_000): Track[] {
  return [videoTrack(), { ...audioTrack(48_000, { timescale }), config: aacConfigFromRecord(record) } as Track];
}

const core = (rate: number, channels = 2) =>
  printAacConfig({ objectType: 2, sampleRate: rate, channelConfiguration: channels });
/** The record with what follows behind it (ISO/IEC 14496-3, 1.6.5.3): whether there is SBR. */
const stating = (record: Uint8Array, sbrIndex: number | undefined) => {
  const bits = new BitWriter().u(0x2b7, 11).u(5, 5);
  const tail = sbrIndex === undefined ? bits.u(0, 8) : bits.u(1, 1).u(sbrIndex, 4).u(0, 3);
  return Uint8Array.from([...record, ...tail.finish()]);
};
/** HE-AAC of 24 kHz, object type 5 in front. */
const hierarchical = new BitWriter().u(5, 5).u(6, 4).u(2, 4).u(3, 4).u(2, 5).u(0, 3).finish();

suite('a publisher whose AAC is stated in another way continues with the same init (ISO/IEC 14496-3, 1.6.5)', () => {
  for (const [name, first, second] of [
    ['no SBR, said and not said', stating(core(48_000), undefined), core(48_000)],
    ['no SBR at 44.1 kHz', core(44_100), stating(core(44_100), undefined)],
    ['SBR in front and in the frames', hierarchical, core(24_000)],
    ['SBR behind and in front', stating(core(24_000), 3), hierarchical],
  ] as const) {
    test(name, () => {
      const table = openTable();
      const init = table.of(tracksOf(first));
      assert.equal(table.of(tracksOf(second)), init);
      assert.equal(table.of(tracksOf(first)), init);
    });
  }

  for (const [name, first, second] of [
    ['other channels', core(48_000), core(48_000, 1)],
    ['another rate', core(48_000), core(44_100)],
    ['SBR that is denied, and that decoders look for', stating(core(24_000), undefined), hierarchical],
    ['SBR above the rates at which decoders look for it', core(48_000), stating(core(48_000), 0)],
  ] as const) {
    test(`but not with ${name}`, () => {
      const table = openTable();
      assert.notEqual(table.of(tracksOf(first)), table.of(tracksOf(second)));
    });
  }

  test('configurations of before that are stated differently are the same for a clip', () => {
    const rows = [stating(core(48_000), undefined), core(48_000), core(32_000)].map((record, i) => ({
      number: i + 1,
      hash: String(i).padStart(64, '0'),
      tracks: tracksOf(record),
    }));
    const table = new InitTable(rows, { save: assert.fail, failed: assert.ifError, nowMs: () => 0 });
    assert.ok(table.isSame(rows[0]!, rows[1]!));
    assert.ok(!table.isSame(rows[1]!, rows[2]!));
  });

  test('ffmpeg over RTMP and over SRT', { skip: need('ffmpeg') }, () => {
    const film = [...PICTURE, ...TONE, '-t', '2', ...X264, '-c:a', 'aac', '-ar', '48000'];
    const [rtmp] = demuxFlv(flvOf(film)).tracks;
    let srt: readonly Track[] = [];
    const demuxer = createTsDemuxer({
      frame: () => {},
      damage: assert.fail,
      tracks: (tracks) => {
        srt = tracks;
      },
    });
    demuxer.push(readFileSync(makeTs(film, 'ts')));
    demuxer.flush();
    const table = openTable();
    const init = table.of(rtmp!);
    assert.notDeepEqual(srt[1]!.config, rtmp![1]!.config);
    assert.equal(table.of(srt), init);
  });
});
