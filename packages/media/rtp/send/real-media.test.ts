import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../../test/fixtures/need.ts';
import type { Frame, Track } from '../../frame.ts';
import { bytesOf, demuxAll, makeFragmented, realPairs } from '../../isobmff/real-media.fixture.ts';
import { ReorderingWatch } from './reordering.ts';
import { packetizerOf, readBack } from './send.fixture.ts';

/** Small for video, so that most frames have several; RTP cannot divide Opus packets. */
const MAX_BYTES = { video: 300, audio: 1100 } as const;
/** A pair for each codec of video. */
const pairs = realPairs.slice(0, 4);

suite('media of every codec over RTP', { skip: need('ffmpeg') }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-rtp-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The payloads of all frames, read back. */
  function sendAndRead(track: Track, frames: readonly Frame[]) {
    const maxBytes = MAX_BYTES[track.kind as 'video' | 'audio'];
    const { payloads } = packetizerOf(track, maxBytes);
    const sent = frames.map(payloads);
    assert.ok(sent.flat().every(({ length }) => length > 0 && length <= maxBytes));
    return readBack(track.config.codec as 'h264' | 'opus', sent);
  }

  for (const pair of pairs) {
    test(`${pair.video}${pair.audio === 'opus' ? ' and Opus' : ''}: a receiver reads the frames that were sent`, () => {
      const { tracks, frames } = demuxAll(bytesOf(makeFragmented(pair, folder)));
      for (const track of tracks[0]!) {
        if (track.kind === 'audio' && track.config.codec !== 'opus') continue;
        const own = frames.filter(({ trackId }) => trackId === track.id);
        assert.ok(own.length >= 75);
        const units = sendAndRead(track, own);
        assert.equal(units.length, own.length);
        for (const [i, { key, data }] of units.entries()) {
          assert.equal(key, own[i]!.key);
          assert.deepEqual(data, own[i]!.data, `frame ${i} of ${track.config.codec}`);
        }
        const hasBFrames = ['h264', 'hevc'].includes(track.config.codec);
        const watch = new ReorderingWatch();
        for (const frame of own) watch.push(frame);
        assert.equal(watch.found, hasBFrames, track.config.codec);
      }
    });
  }
});
