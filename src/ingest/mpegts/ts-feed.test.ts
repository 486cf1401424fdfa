import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
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
import type { SourceFacts } from '../../api/source-facts.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { StreamInput } from '../../live/input.ts';
import { TsFeed } from './ts-feed.ts';

const AV = [
  [0x1b, VIDEO],
  [0x0f, AUDIO, 'deu'],
] as const;
const FRAME = 3600;

/** A feed, and what it gave its publisher. */
function openFeed(program?: number) {
  const clock = createManualClock(1_000_000);
  const starts: (readonly Track[])[] = [];
  const frames: Frame[] = [];
  const damage: string[] = [];
  const facts: SourceFacts[] = [];
  const input: StreamInput & { startTracks(tracks: readonly Track[]): void } = {
    startRun: () => assert.fail('the publisher places runs'),
    startTracks: (tracks) => starts.push(tracks),
    publish: (frame) => frames.push(frame),
    damage: (reason) => damage.push(reason),
    absent: () => {},
    flush: () => {},
  };
  const feed = new TsFeed({
    input,
    clock,
    protocol: 'udp',
    assemblyMs: 200,
    program,
    onFacts: (found) => facts.push(found),
  });
  const pictures = () => frames.filter(({ trackId }) => trackId === 1);
  return { feed, clock, starts, frames, damage, facts, pictures };
}

/** Sends pictures and sound in real time, the first one a key frame, then one in twelve. */
function play(
  { feed, clock }: Pick<ReturnType<typeof openFeed>, 'feed' | 'clock'>,
  writer: PacketWriter,
  {
    from,
    count,
    pids = [VIDEO, AUDIO],
    keyAt = 0,
  }: { from: number; count: number; pids?: readonly number[]; keyAt?: number },
): void {
  for (let i = 0; i < count; i++) {
    const pts = from + i * FRAME;
    const isKey = i >= keyAt && (i - keyAt) % 12 === 0;
    const unit = isKey ? printUnit(printSps(), PPS, printSlice(true)) : printUnit(printSlice(false, 500));
    feed.push(writer.pes(pids[0]!, unit, { pts }));
    feed.push(writer.pes(pids[1]!, printAdts(100), { pts }, true));
    clock.advance(40);
  }
}

function tables(
  writer: PacketWriter,
  streams: readonly (readonly [number, number, string?])[] = AV,
  version = 0,
): Uint8Array[] {
  return [writer.section(0, printPat()), writer.section(PMT, printPmt(streams, version))];
}

suite('a live MPEG-TS feed', () => {
  test('that is joined in the middle of a GOP begins once, with all tracks and a key frame', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 90_000, count: 90, keyAt: 75 });
    assert.deepEqual(
      open.starts.map((tracks) => tracks.map(({ kind }) => kind)),
      [['video', 'audio']],
    );
    assert.equal(open.pictures()[0]!.key, true);
    assert.equal(open.pictures()[0]!.dts, 90_000 + 75 * FRAME);
    const sound = open.frames.find(({ trackId }) => trackId === 2)!;
    assert.ok(sound.dts / 48_000 >= (90_000 + 75 * FRAME) / 90_000 - 1.1, 'sound of long before is dropped');
    assert.deepEqual(open.damage, []);
  });

  test('waits up to two seconds for sound that the PMT names', () => {
    for (const [silent, runs] of [
      [48, [2]],
      [60, [1, 2]],
    ] as const) {
      const open = openFeed();
      const writer = new PacketWriter();
      for (const table of tables(writer)) open.feed.push(table);
      for (let i = 0; i < 75; i++) {
        const pts = 90_000 + i * FRAME;
        const unit = i % 12 === 0 ? printUnit(printSps(), PPS, printSlice(true)) : printUnit(printSlice(false, 500));
        open.feed.push(writer.pes(VIDEO, unit, { pts }));
        if (i >= silent) open.feed.push(writer.pes(AUDIO, printAdts(100), { pts }, true));
        open.clock.advance(40);
      }
      assert.deepEqual(
        open.starts.map((tracks) => tracks.length),
        runs,
        `${silent} pictures without sound`,
      );
    }
  });

  test('continues its run when only the PIDs change', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 90_000, count: 25 });
    const moved = [
      [0x1b, 0x201],
      [0x0f, 0x202, 'deu'],
    ] as const;
    for (const table of tables(writer, moved, 1)) open.feed.push(table);
    play(open, writer, { from: 90_000 + 25 * FRAME, count: 25, pids: [0x201, 0x202] });
    open.feed.end();
    assert.equal(open.starts.length, 1);
    assert.deepEqual(
      open.pictures().map(({ dts }) => dts),
      Array.from({ length: 50 }, (_, i) => 90_000 + i * FRAME),
    );
  });

  test('begins a run with other tracks when the PMT changes them', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 90_000, count: 25 });
    for (const table of tables(writer, [AV[0]], 1)) open.feed.push(table);
    play(open, writer, { from: 90_000 + 25 * FRAME, count: 25 });
    assert.deepEqual(
      open.starts.map((tracks) => tracks.length),
      [2, 1],
    );
  });

  test('whose clock jumps ahead begins a run at the time of arrival, and frames of the clock before are dropped', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 90_000, count: 25 });
    play(open, writer, { from: 900_000_000, count: 25 });
    assert.equal(open.starts.length, 2);
    assert.ok(open.damage.some((reason) => /jumped ahead by/.test(reason)));
    const later = open.pictures().filter(({ dts }) => dts >= 900_000_000 - 90_000);
    assert.ok(later.length >= 23, `${later.length} pictures`);
  });

  test('whose clock is set back continues without a gap', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 900_000_000, count: 25 });
    play(open, writer, { from: 90_000, count: 25 });
    assert.equal(open.starts.length, 1);
    const times = open.pictures().map(({ dts }) => dts);
    for (let i = 1; i < times.length; i++)
      assert.ok(times[i]! > times[i - 1]! && times[i]! - times[i - 1]! < 2 * FRAME);
  });

  test('that wraps its 33 bits continues', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 2 ** 33 - 10 * FRAME, count: 25 });
    assert.equal(open.starts.length, 1);
    assert.equal(open.pictures().at(-1)!.dts, 2 ** 33 + 13 * FRAME, 'the last one waits for its successor');
    assert.deepEqual(open.damage, []);
  });

  test('that pauses never has half a picture: what was cut off is dropped and counted', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 90_000, count: 25 });
    const pes = writer.pes(VIDEO, printUnit(printSlice(false, 2000)), { pts: 90_000 + 25 * FRAME });
    open.feed.push(pes.subarray(0, 3 * 188));
    open.feed.interrupt();
    assert.equal(open.pictures().length, 25);
    assert.deepEqual(open.damage, ['a PES packet was cut off']);
    open.clock.advance(10_000);
    for (const table of tables(writer)) open.feed.push(table);
    play(open, writer, { from: 90_000 + 300 * FRAME, count: 25 });
    assert.equal(open.starts.length, 2, 'a run begins after the pause');
  });

  test('names its other programs and the tracks that are not recorded', () => {
    const open = openFeed();
    const writer = new PacketWriter();
    const programs = [
      [1, PMT],
      [7, 0x200],
    ] as const;
    open.feed.push(writer.section(0, printPat(programs)));
    open.feed.push(writer.section(PMT, printPmt([...AV, [0x02, 0x110], [0x06, 0x111, [0x56, 0]]])));
    play(open, writer, { from: 90_000, count: 25 });
    assert.deepEqual(
      open.facts.at(-1)!.leftOut?.map(({ name }) => name),
      ['MPEG-2 video', 'teletext', 'program 7'],
    );
    assert.equal(open.starts.length, 1);
    assert.deepEqual(open.damage, []);
  });

  test('says nothing of the other programs where the user has chosen one', () => {
    const open = openFeed(1);
    const writer = new PacketWriter();
    const programs = [
      [7, 0x200],
      [1, PMT],
    ] as const;
    open.feed.push(writer.section(0, printPat(programs)));
    open.feed.push(writer.section(PMT, printPmt(AV)));
    play(open, writer, { from: 90_000, count: 25 });
    assert.equal(open.starts.length, 1);
    assert.deepEqual(open.facts.at(-1)?.leftOut ?? [], []);
  });
});
