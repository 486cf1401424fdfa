import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import type { Frame } from '../frame.ts';
import { createFmp4Demuxer } from './demuxer.ts';
import { EventQueue } from './event-queue.ts';
import { printInit } from './init.ts';
import { audioTrack, framesOf, videoTrack } from './media.fixture.ts';
import { fragmentsOf } from './real-media.fixture.ts';
import { InBandSets } from './sample-entry/in-band.ts';
import { widenNalLengths } from './sample-entry/nal-length.ts';

test('a sample of thousands of parameter sets is refused', () => {
  if (videoTrack.kind !== 'video') throw new Error('no video');
  const sets = new InBandSets(videoTrack.config);
  const pps = Uint8Array.of(0, 0, 0, 4, 0x68, 0xce, 0x38, 0x81);
  assert.throws(() => sets.take(concatBytes(new Array(5000).fill(pps))), { name: 'FormatError' });
});

test('a sample of thousands of empty NAL units is refused', () => {
  assert.throws(() => widenNalLengths(new Uint8Array(5000), 1), { name: 'FormatError' });
});

suite('fragments', () => {
  test('samples do not wait for more than 64 mdats', () => {
    const damage: string[] = [];
    const demuxer = createFmp4Demuxer({ tracks() {}, frame() {}, damage: (reason) => damage.push(reason) });
    const pictures = framesOf(videoTrack, 3).map((frame) => ({ ...frame, data: new Uint8Array(100_000) }));
    const media = fragmentsOf([videoTrack], pictures);
    const moof = media.subarray(0, new DataView(media.buffer, media.byteOffset).getUint32(0));
    demuxer.push(concatBytes([printInit([videoTrack]), moof]));
    const empty = Uint8Array.of(0, 0, 0, 8, 0x6d, 0x64, 0x61, 0x74);
    for (let i = 0; i < 65; i++) demuxer.push(empty);
    assert.match(damage.join(), /samples came without their bytes/);
  });

  test('sound that waits for parameter sets is bounded in bytes', () => {
    const frames: Frame[] = [];
    const demuxer = createFmp4Demuxer({ tracks() {}, frame: (frame) => frames.push(frame), damage() {} });
    const init = Buffer.from(printInit([videoTrack, audioTrack]));
    init.write('avc3', init.indexOf('avc1', 80));
    init.fill(0, init.indexOf('avcC') + 9, init.indexOf('avcC') + 10); // no SPS
    demuxer.push(init);
    const sound = framesOf(audioTrack, 20).map((frame) => ({ ...frame, data: new Uint8Array(1024 * 1024).fill(1) }));
    demuxer.push(fragmentsOf([audioTrack], sound));
    assert.ok(frames.length >= 8 && frames.length < 20, `${frames.length} frames`);
  });

  test('an event at a time that no number holds is let go', () => {
    const events = new EventQueue();
    const scheme = 'urn:scte:scte35:2013:bin';
    const event = { scheme, value: '', id: 1, duration: 0, relative: false, data: Uint8Array.of(1) };
    events.push({ ...event, timescale: 1, time: 2 ** 52 });
    events.push({ ...event, timescale: 1000, time: 500 });
    const given = events.take(2 ** 52, 2 ** 53);
    assert.deepEqual(
      given.map(({ pts }) => pts),
      [45_000],
    );
    assert.equal(events.reset(), 0);
  });
});
