import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import {
  AUDIO,
  PacketWriter,
  PMT,
  PPS,
  printAdts,
  printPat,
  printPmt,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from '@oxbow/media/mpegts/packets.fixture';
import { createManualClock } from '../../lib/clock.ts';
import { createPublisherStats } from '../publisher-stats.ts';
import { FEED_TICK_MS, TsFeed } from './ts-feed.ts';

const DEADLINE_MS = 200;
/** A PES of a picture with this payload fills its packets: 14 bytes of header, 5 of start code and slice. */
const FULL = 4 * 184 - 14 - 4;

/** A feed of video, and of AAC where `sound`, and what it published. */
function openFeed({ sound = false } = {}) {
  const clock = createManualClock(1_000_000);
  const pictures: Frame[] = [];
  const damage: string[] = [];
  const stats = createPublisherStats();
  const feed = new TsFeed({
    input: {
      connection: { stats },
      startRun: () => {},
      startTracks: () => {},
      publish: (frame) => frame.trackId === 1 && pictures.push(frame),
      damage: (reason) => damage.push(reason),
      absent: () => {},
      flush: () => {},
    },
    clock,
    protocol: 'udp',
    assemblyMs: DEADLINE_MS,
  });
  const writer = new PacketWriter();
  const streams = [[0x1b, VIDEO] as const, ...(sound ? [[0x0f, AUDIO, 'deu'] as const] : [])];
  feed.push(writer.section(0, printPat()));
  feed.push(writer.section(PMT, printPmt(streams)));
  let soundPts = 90_000;
  const picture = (frame: number, { step = 3600, size = 500 } = {}) => {
    const isKey = frame === 0;
    const unit = isKey ? printUnit(printSps(), PPS, printSlice(true, size)) : printUnit(printSlice(false, size));
    return writer.pes(VIDEO, unit, { pts: 90_000 + frame * step });
  };
  /** Time passes, with sound in each tick where `hears`. */
  const wait = (ms: number, { hears = false } = {}) => {
    for (let passed = 0; passed < ms; passed += FEED_TICK_MS) {
      if (hears) feed.push(writer.pes(AUDIO, printAdts(100), { pts: soundPts }));
      soundPts += FEED_TICK_MS * 90;
      clock.advance(FEED_TICK_MS);
      feed.tick();
    }
  };
  return { feed, clock, writer, pictures, damage, stats, picture, wait };
}

/** Ten pictures at 20 a second, so that the frame rate is known. */
function openSteady({ sound = false } = {}) {
  const open = openFeed({ sound });
  for (let i = 0; i < 10; i++) {
    open.feed.push(open.picture(i, { step: 4500 }));
    open.wait(50, { hears: sound });
  }
  assert.equal(open.pictures.length, 9);
  return { ...open, next: (frame: number, size = 500) => open.picture(frame, { step: 4500, size }) };
}

suite('the assembly deadline of a live MPEG-TS feed', () => {
  test('at one picture a second, each is published before the next begins, once the frame rate is known', () => {
    const { feed, pictures, damage, stats, picture, wait } = openFeed();
    for (let i = 0; i < 8; i++) {
      feed.push(picture(i, { step: 90_000 }));
      wait(DEADLINE_MS - FEED_TICK_MS);
      if (i > 0) assert.equal(pictures.length, i, 'not before the deadline');
      wait(2 * FEED_TICK_MS);
      if (i > 1) assert.equal(pictures.length, i + 1, `picture ${i}`);
      wait(1000 - DEADLINE_MS - FEED_TICK_MS);
    }
    assert.deepEqual(
      pictures.map(({ dts, duration }) => [dts, duration]),
      Array.from({ length: 8 }, (_, i) => [90_000 + i * 90_000, 90_000]),
    );
    assert.deepEqual(damage, []);
    assert.equal(stats.settledFrames, 6);
    assert.equal(stats.lateBytes, 0);
  });

  test('the last picture of a PID that stops is published, whether or not its last packet is filled up', () => {
    for (const size of [500, FULL]) {
      const { feed, pictures, damage, next, wait } = openSteady({ sound: true });
      feed.push(next(10, size));
      wait(DEADLINE_MS + 2 * FEED_TICK_MS, { hears: true });
      assert.equal(pictures.length, 11, `${size} bytes`);
      assert.equal(pictures.at(-1)!.data.length, 4 + size);
      assert.equal(pictures.at(-1)!.duration, 4500);
      assert.deepEqual(damage, []);
    }
  });

  test('a sender that pauses within a picture for less than the deadline loses nothing', () => {
    const { feed, pictures, damage, stats, next, wait } = openSteady({ sound: true });
    const bytes = next(10, 2000);
    for (let at = 0; at < bytes.length; at += 188) {
      feed.push(bytes.subarray(at, at + 188));
      wait(DEADLINE_MS - FEED_TICK_MS, { hears: true });
    }
    wait(1000, { hears: true });
    assert.equal(pictures.at(-1)!.data.length, 2004);
    assert.deepEqual(damage, []);
    assert.equal(stats.lateBytes, 0);
  });

  test('a network that pauses within a picture loses nothing, however long', () => {
    const { feed, pictures, damage, next, wait } = openSteady();
    const bytes = next(10, 1900);
    feed.push(bytes.subarray(0, 5 * 188));
    wait(1500);
    assert.equal(pictures.length, 10);
    feed.push(bytes.subarray(5 * 188));
    wait(DEADLINE_MS + 2 * FEED_TICK_MS);
    assert.deepEqual([pictures.length, pictures.at(-1)!.data.length], [11, 1904]);
    assert.deepEqual(damage, []);
  });

  test('a process that was busy does not take that for a pause of the sender', () => {
    const { feed, clock, pictures, next, wait } = openSteady();
    feed.push(next(10));
    wait(2 * FEED_TICK_MS);
    clock.advance(5000);
    feed.tick();
    assert.equal(pictures.length, 10);
  });

  test('bytes after the deadline are dropped and counted once, and the next picture is whole', () => {
    const { feed, pictures, damage, stats, next, wait } = openSteady({ sound: true });
    const bytes = next(10, 2000);
    feed.push(bytes.subarray(0, 5 * 188));
    wait(DEADLINE_MS + 2 * FEED_TICK_MS, { hears: true });
    assert.equal(pictures.length, 11, 'as much as came');
    feed.push(bytes.subarray(5 * 188));
    feed.push(next(11));
    wait(1000, { hears: true });
    assert.deepEqual(damage, ['bytes of a PES packet came after the assembly deadline']);
    assert.equal(stats.lateBytes, 14 + 4 + 2000 - 5 * 184);
    assert.deepEqual([pictures.length, pictures.at(-1)!.data.length], [12, 504]);
  });

  test('a feed that ends within a picture publishes no part of it; a whole last picture is published', () => {
    const cut = openSteady();
    cut.feed.push(cut.next(10, 2000).subarray(0, 7 * 188));
    cut.feed.end();
    assert.equal(cut.pictures.length, 10);
    assert.deepEqual(cut.damage, ['a PES packet was cut off']);
    const whole = openSteady();
    whole.feed.push(whole.next(10));
    whole.feed.end();
    assert.equal(whole.pictures.length, 11);
    assert.deepEqual(whole.damage, []);
  });

  test('a picture with a lost packet is dropped and counted, never published in part', () => {
    const { feed, pictures, damage, next, wait } = openSteady({ sound: true });
    const bytes = next(10, 2000);
    feed.push(bytes.subarray(0, 3 * 188));
    feed.push(bytes.subarray(4 * 188));
    wait(1000, { hears: true });
    assert.equal(pictures.length, 10);
    assert.deepEqual(damage, [`packets of PID ${VIDEO} are missing`]);
  });

  test('pictures at irregular times wait for the next one, so that they have no wrong durations', () => {
    const { feed, pictures, damage, stats, picture, wait } = openFeed();
    const times = [0, 1, 8, 9, 20, 21, 22, 40, 44, 60];
    for (const [i, at] of times.entries()) {
      feed.push(picture(at, { step: 4500 }));
      wait(((times[i + 1] ?? at + 1) - at) * 50);
    }
    assert.ok(stats.settledFrames! <= 1, `${stats.settledFrames}`);
    assert.deepEqual(damage, []);
    assert.ok(pictures.length >= times.length - 1);
  });
});
