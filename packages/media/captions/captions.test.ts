import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  captionsByPicture,
  characters,
  command,
  control,
  NOTHING,
  type Pair,
  packetOf,
  pair,
  popOn,
  row,
  tripletsOf,
  withCaptions,
} from './captions.fixture.ts';
import { CaptionReader } from './cc-data.ts';
import { CaptionCollector } from './collector.ts';
import { type CaptionCue, CaptionDecoder } from './decoder.ts';
import { fuzzCaptions } from './fuzz.fixture.ts';
import { joinTriplets } from './merge.ts';
import { ServiceDetector } from './services.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const SLICE = bytes('00000003 658880');

/** Decodes pairs of a field, one every 40 ms from 0 on. */
function decode(pairs: readonly Pair[], field: 1 | 2 = 1, endMs = pairs.length * 40): CaptionCue[] {
  const cues: CaptionCue[] = [];
  const decoder = new CaptionDecoder((cue) => cues.push(cue));
  for (const [i, one] of pairs.entries()) decoder.add(tripletsOf([one], field), i * 40);
  decoder.flush(endMs);
  return cues;
}
const texts = (pairs: readonly Pair[], field: 1 | 2 = 1) => decode(pairs, field).map(({ text }) => text);

test('captions of H.264 and HEVC are found before the first slice (ATSC A/53 Part 4, 6.2.3)', () => {
  // Zeros have emulation prevention.
  const triplets = Uint8Array.of(0xfc, 0x94, 0x20, 0xfc, 0x00, 0x00, 0xfc, 0x00, 0x01);
  assert.deepEqual(new CaptionReader('h264').read(withCaptions(SLICE, triplets)), triplets);
  const hevcSlice = bytes('00000003 460150 00000004 26010203');
  assert.deepEqual(new CaptionReader('hevc').read(withCaptions(hevcSlice, triplets, 'hevc')), triplets);
  const after = Uint8Array.from([...SLICE, ...withCaptions(SLICE, triplets)]);
  assert.equal(new CaptionReader('h264').read(after), undefined);
});

test('other user data, pictures without SEI and samples that are cut carry no captions', () => {
  const reader = new CaptionReader('h264');
  assert.equal(reader.read(SLICE), undefined);
  assert.equal(reader.read(bytes('')), undefined);
  assert.equal(reader.read(bytes('ffffffff 06')), undefined);
  const triplets = Uint8Array.of(0xfc, 0x94, 0x20);
  const foreign = withCaptions(SLICE, triplets);
  foreign[4 + 3 + 2] = 0x2f;
  assert.equal(reader.read(foreign), undefined);
  const off = withCaptions(SLICE, triplets);
  off[4 + 1 + 2 + 8] = 0x81; // process_cc_data_flag is 0
  assert.equal(reader.read(off), undefined);
});

test('a CEA-608 channel is a service from its first command that shows captions, other commands and damaged ones are none', () => {
  const detector = new ServiceDetector();
  const add = (pairs: readonly Pair[], field: 1 | 2 = 1) => detector.add(tripletsOf(pairs, field));
  assert.equal(add([NOTHING, NOTHING]), false);
  assert.equal(add([...command('erase'), ...characters('XY'), ...command('text')]), false);
  assert.equal(add([[0x14, 0x20]]), false);
  assert.equal(detector.add(Uint8Array.of(0xf8, 0x94, 0x20)), false);
  assert.deepEqual(detector.services, []);
  assert.equal(add(command('popOn')), true);
  assert.equal(add(command('popOn')), false);
  assert.equal(add(command('rollUp2', 2, 2), 2), true);
  assert.deepEqual(detector.services, ['CC1', 'CC4']);
});

test('a CEA-708 service with a block in a DTVCC packet is a service, an empty block is none', () => {
  const detector = new ServiceDetector();
  assert.equal(detector.add(packetOf([{ service: 0, data: [] }])), false);
  const packet = packetOf([
    { service: 1, data: [0x98, 1, 2] },
    { service: 3, data: [] },
    { service: 17, data: [65, 66] },
  ]);
  assert.equal(detector.add(packet), true);
  assert.deepEqual(detector.services, ['SERVICE1', 'SERVICE17']);
  // A packet that continues in the next picture.
  assert.equal(detector.add(packetOf([{ service: 2, data: Array(29).fill(65) }]).subarray(0, 9)), true);
  assert.deepEqual(detector.services, ['SERVICE1', 'SERVICE2', 'SERVICE17']);
});

test('a pop-on caption is shown from its end command until it is erased, at its place', () => {
  const pairs = [...popOn('HELLO'), NOTHING, NOTHING, ...command('erase')];
  const shownAt = popOn('HELLO').length - 2;
  assert.deepEqual(decode(pairs), [
    {
      id: '',
      service: 'CC1',
      text: 'HELLO',
      settings: 'line:84.67% position:10.00% align:start',
      startMs: shownAt * 40,
      endMs: (shownAt + 4) * 40,
    },
  ]);
});

test('two rows, an indent and a caption that replaces another', () => {
  const two = [
    ...command('popOn'),
    ...control(0x14, 0x52), // row 14, column 4
    ...characters('ONE'),
    ...control(0x14, 0x74), // row 15, column 8
    ...characters('TWO'),
    ...command('endOfCaption'),
  ];
  const [first, second] = decode([...two, ...popOn('NEXT')]);
  assert.deepEqual([first?.text, first?.settings], ['ONE\nTWO', 'line:79.33% position:20.00% align:start']);
  assert.deepEqual([second?.text, first?.endMs], ['NEXT', second?.startMs]);
});

test('rows that roll up are one cue each, from their first letter to that of the next', () => {
  const line = (text: string) => [...command('carriageReturn'), ...row(15), ...characters(text)];
  const pairs = [
    ...command('rollUp2'),
    ...line('FIRST'),
    ...command('rollUp2'),
    ...line('SECOND'),
    ...command('erase'),
  ];
  const cues = decode(pairs);
  assert.deepEqual(
    cues.map(({ text }) => text),
    ['FIRST', 'SECOND'],
  );
  assert.equal(cues[0]?.endMs, cues[1]?.startMs);
});

test('a painted caption is one cue from its first letter on', () => {
  const pairs = [...command('paintOn'), ...row(15), ...characters('PAINT'), ...command('erase')];
  const [cue] = decode(pairs);
  assert.deepEqual([cue?.text, cue?.startMs], ['PAINT', 160]);
});

test('both channels of both fields are decoded apart', () => {
  const one = [...popOn('ENGLISH'), ...popOn('SUOMI', 2), NOTHING];
  const cues = [...decode(one), ...decode([...popOn('DEUTSCH', 1, 2), NOTHING], 2)];
  assert.deepEqual(
    cues.map(({ service, text }) => `${service} ${text}`),
    ['CC1 ENGLISH', 'CC2 SUOMI', 'CC3 DEUTSCH'],
  );
});

test('special, extended and national characters; an extended one replaces the letter before it', () => {
  const inside = [
    ...characters("*'"),
    ...control(0x11, 0x37),
    ...characters('A'),
    ...control(0x12, 0x30),
    ...control(0x13, 0x34),
  ];
  const pairs = [...command('popOn'), ...row(15), ...inside, ...command('endOfCaption'), NOTHING];
  assert.deepEqual(texts(pairs), ['á’♪ß']);
  assert.deepEqual(texts([...popOn('A<B>&C'), NOTHING]), ['A&lt;B&gt;&amp;C']);
});

test('a damaged character is a block, a damaged command is ignored, extended data services are no text', () => {
  const damaged: Pair = [pair(0x41, 0)[0] ^ 0x80, pair(0x42, 0)[0]];
  const pairs = [...command('popOn'), ...row(15), damaged, [0x14, 0x2e] as Pair, ...command('endOfCaption'), NOTHING];
  assert.deepEqual(texts(pairs), ['█B']);
  const xds = [pair(0x01, 0x03), ...characters('NAME'), pair(0x0f, 0x1d)];
  assert.deepEqual(texts([...xds, ...popOn('YES', 1, 2), NOTHING], 2), ['YES']);
});

test('a caption disappears 16 s after the last data of its field, and at the end of the media', () => {
  const cues: CaptionCue[] = [];
  const decoder = new CaptionDecoder((cue) => cues.push(cue));
  decoder.add(tripletsOf(popOn('LONG')), 0);
  for (let atMs = 1000; atMs < 60_000; atMs += 1000) decoder.add(tripletsOf([NOTHING]), atMs);
  assert.deepEqual(
    cues.map(({ endMs }) => endMs),
    [16_000],
  );
});

test('pairs of captions are distributed over pictures, and read back from them', () => {
  const reader = new CaptionReader('h264');
  const cues: CaptionCue[] = [];
  const decoder = new CaptionDecoder((cue) => cues.push(cue));
  const pictures = captionsByPicture(60, { 2: { pairs: popOn('HELLO') }, 40: { pairs: command('erase') } });
  for (const [i, triplets] of pictures.entries()) decoder.add(reader.read(withCaptions(SLICE, triplets))!, i * 40);
  assert.deepEqual(
    cues.map(({ text, startMs, endMs }) => ({ text, startMs, endMs })),
    [{ text: 'HELLO', startMs: 11 * 40, endMs: 1600 }],
  );
});

test('the captions of a film are put in the order in which its pictures are shown', () => {
  const collector = new CaptionCollector('h264');
  const pictures = captionsByPicture(90, { 2: { pairs: popOn('HELLO') }, 40: { pairs: command('erase') } });
  // Groups of a picture that is decoded first and two that are shown before it.
  const order = Array.from({ length: 30 }, (_, i) => [3 * i + 2, 3 * i, 3 * i + 1]).flat();
  for (const i of order) collector.add(withCaptions(SLICE, pictures[i]!), i * 40);
  collector.end(3600);
  assert.deepEqual(collector.services, ['CC1']);
  assert.deepEqual(
    collector.cues.map(({ text, startMs, endMs }) => ({ text, startMs, endMs })),
    [{ text: 'HELLO', startMs: 11 * 40, endMs: 1600 }],
  );
});

test('captions of two pictures fit into one: padding is left out, and what is more than 31 waits', () => {
  const [first, second] = [
    tripletsOf([...popOn('AB'), NOTHING]),
    Uint8Array.of(0xf8, 0, 0, ...tripletsOf(popOn('CD'))),
  ];
  assert.deepEqual(joinTriplets([first, second]), {
    now: tripletsOf([...popOn('AB'), ...popOn('CD')]),
    rest: new Uint8Array(),
  });
  const long = tripletsOf(characters('x'.repeat(100)));
  const { now, rest } = joinTriplets([long]);
  assert.deepEqual([now.length, rest.length], [93, 57]);
  assert.deepEqual(Uint8Array.from([...now, ...rest]), long);
});

test('random pictures are read without an error', () => {
  assert.ok(fuzzCaptions(5, 2000) > 50);
});
