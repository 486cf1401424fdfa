/**
 * Broken cases of media bytes, and of renditions against each other and against the index.
 * In: the example. Out: cases for rulebook.test.ts.
 */
import { concatBytes } from '@oxbow/media/bytes';
import type { Fragment, InitSection } from './boxes.ts';
import { type Broken, editList, editMedia, subject, swap, whole } from './broken.ts';
import { examplePast, type Files } from './harness/example-presentation.ts';
import { readMedia, type TextSegment } from './media-text.ts';
import type { SeenRendition } from './rendition.ts';
import { rulesOfMedia } from './rules/rules-of-media.ts';

/** Where the `nth` box of a type begins: its four characters, less the size before them. */
function at(bytes: Uint8Array, type: string, nth = 0): number {
  const hay = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let found = -1;
  for (let i = 0; i <= nth; i++) found = hay.indexOf(type, found + 1, 'latin1');
  if (found < 4) throw new Error(`no '${type}' there`);
  return found - 4;
}

/** Writes 32 bits at this many bytes behind the size and type of a box. */
function poke(type: string, offset: number, change: (old: number) => number, nth = 0) {
  return (bytes: Uint8Array): Uint8Array => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const place = at(bytes, type, nth) + 8 + offset;
    view.setUint32(place, change(view.getUint32(place)));
    return bytes;
  };
}

type Change = (bytes: Uint8Array) => Uint8Array;
const name =
  (type: string, other: string): Change =>
  (bytes) => {
    bytes.set(Buffer.from(other, 'latin1'), at(bytes, type) + 4);
    return bytes;
  };

/** The same change to a part and to its bytes in the segment: the first of both. */
function both(change: Change): (files: Files) => void {
  return (files) => {
    for (const url of ['/example/v0/109.0.m4s', '/example/v0/109.m4s']) editMedia(files, url, change);
  };
}
const init =
  (change: Change, url = '/example/v0/init-1.mp4') =>
  (files: Files) =>
    editMedia(files, url, change);
const list =
  (url: string, ...edits: ((text: string) => string)[]) =>
  (files: Files) => {
    for (const edit of edits) editList(files, url, edit);
  };
const V0 = '/example/v0/g1.m3u8';
const A0 = '/example/a0/g1.m3u8';
const INDEX = '/example/index.m3u8';

const ofMedia: readonly Broken[] = [
  whole('init-form', init(name('ftyp', 'free'))),
  whole(
    'init-form',
    init((bytes) => concatBytes([bytes, Uint8Array.of(0, 0, 0, 8, 0x6d, 0x64, 0x61, 0x74)])),
  ),
  whole('init-form', init(poke('stts', 4, () => 1))),
  whole('init-form', init(poke('trex', 4, () => 9))),
  whole('init-picture-size', init(poke('avc1', 24, () => (176 << 16) | 96)), { also: ['resolution-true'] }),
  whole(
    'fragment-form',
    (files) => {
      editMedia(files, '/example/v0/105.m4s', (bytes) => bytes.subarray(0, bytes.length - 3));
    },
    { also: ['extinf-true', 'decode-continuity'] },
  ),
  whole('fragment-form', both(poke('trun', 8, (old) => old + 4000))),
  whole('fragment-form', both(poke('tfhd', 0, (old) => old & ~0x020000))),
  whole('fragment-numbers', (files) =>
    editMedia(files, '/example/v0/105.m4s', (bytes) => poke('mfhd', 4, () => 1, 1)(poke('mfhd', 4, () => 1)(bytes))),
  ),
  whole('fragment-numbers', both(name('mfhd', 'free')), {}),
  whole('tfdt-present', both(name('tfdt', 'free')), { also: ['decode-continuity'] }),
  whole('track-known', both(poke('tfhd', 4, () => 7)), {
    also: [...['decode-continuity', 'extinf-true', 'part-duration-true', 'tracks-together'], 'segment-starts-with-key'],
  }),
  whole(
    'composition-not-negative',
    both((bytes) => {
      const place = at(bytes, 'trun');
      bytes[place + 8] = 1;
      return poke('trun', 20, () => 0xffff_fff0)(bytes);
    }),
  ),
  whole('decode-continuity', both(poke('tfdt', 8, (old) => old + 900))),
  whole('decode-continuity', list(V0, swap('#EXT-X-DISCONTINUITY\n', '')), {
    also: ['aligned-discontinuities', 'date-agrees'],
  }),
  whole('extinf-true', (files) => {
    for (const url of [V0, A0]) {
      editList(files, url, swap('#EXTINF:2.00000,\n102', '#EXTINF:1.90000,\n102'));
    }
  }),
  whole('part-duration-true', list(V0, swap('DURATION=0.20000,URI="112.0', 'DURATION=0.15000,URI="112.0'))),
  whole('independent-true', list(V0, swap('URI="111.5.m4s"', 'URI="111.5.m4s",INDEPENDENT=YES'))),
  whole('independent-said', list(V0, swap('URI="111.0.m4s",INDEPENDENT=YES', 'URI="111.0.m4s"'))),
  whole('segment-starts-with-key', both(poke('trun', 12, (old) => old | 0x10000)), { also: ['independent-true'] }),
  whole(
    'independent-segments-true',
    (files) => {
      both(poke('trun', 12, (old) => old | 0x10000))(files);
      list(V0, swap('#EXT-X-MEDIA-SEQUENCE', '#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA-SEQUENCE'))(files);
    },
    { also: ['independent-true', 'segment-starts-with-key'] },
  ),
  whole('parts-are-segment', (files) => {
    editMedia(files, '/example/v0/110.3.m4s', (bytes) => {
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    });
  }),
];

/** What differs in a muxed rendition. */
interface MuxedPlan {
  readonly audioS?: number;
  readonly seconds?: number;
  /** Another segment begins this long after the first, which was never listed whole. */
  readonly nextS?: number;
}

/** A muxed rendition of one segment, as plain values. */
function muxed({ audioS = 0, seconds = 2, nextS }: MuxedPlan = {}): SeenRendition {
  const track = { codecs: '', format: '', width: 0, height: 0, record: undefined };
  const defaults = { duration: 0, size: 0, flags: 0 };
  const init: InitSection = {
    tracks: [
      { ...track, defaults, id: 1, handler: 'vide', timescale: 25 },
      { ...track, defaults, id: 2, handler: 'soun', timescale: 50 },
    ],
    problems: [],
  };
  const fragment = (trackId: number, rate: number, startS: number): Fragment => ({
    trackId,
    sequence: trackId,
    tfdt: startS * rate,
    samples: Array.from({ length: seconds * rate }, (_, i) => ({
      dts: startS * rate + i,
      duration: 1,
      composition: 0,
      size: 9,
      sync: trackId === 2 || i === 0,
    })),
    bytes: new Uint8Array(9),
  });
  const text = examplePast().replaceAll('EXTINF:2.0', `EXTINF:${seconds}.0`);
  const list = readMedia('/example/av0/g1.m3u8', text);
  const mediaAt = (s: number) => ({ fragments: [fragment(1, 25, s), fragment(2, 50, s + audioS)], problems: [] });
  const bytes = new Uint8Array(9);
  const [first, second] = list.segments as [TextSegment, TextSegment];
  const part = { line: 1, uri: '100.0.m4s', durationS: seconds, independent: true, gap: false };
  const segments =
    nextS === undefined
      ? [{ listed: first, init, bytes, media: mediaAt(10), parts: [] }]
      : [
          { listed: { ...first, uri: '' }, init, parts: [{ listed: part, bytes, media: mediaAt(10) }] },
          { listed: second, init, bytes, media: mediaAt(10 + nextS), parts: [] },
        ];
  return { url: list.url, list, inits: new Map([['/example/av0/init-1.mp4', init]]), segments };
}

const ofMuxed: readonly Broken[] = [
  // The end of a segment that left the list while it was open is not known; it is not before its known parts.
  subject(rulesOfMedia, 'decode-continuity', muxed({ nextS: 3 }), muxed({ nextS: 1.5 })),
  subject(rulesOfMedia, 'tracks-together', muxed({ audioS: 0.4 }), muxed({ audioS: 0.6 })),
  subject(rulesOfMedia, 'key-frame-interval', muxed(), muxed({ seconds: 3 })),
];

const ofPresentation: readonly Broken[] = [
  whole('bandwidth-covers-peak', list(INDEX, swap(/BANDWIDTH=\d+,AVERAGE/, 'BANDWIDTH=9000,AVERAGE'))),
  whole('bandwidth-covers-peak', list(INDEX, swap(/BANDWIDTH=(\d+),AVERAGE/, 'BANDWIDTH=20000,AVERAGE')), {
    kind: 'past',
  }),
  whole('bandwidth-near-peak', list(INDEX, swap(/BANDWIDTH=(\d+),AVERAGE/, 'BANDWIDTH=$10,AVERAGE')), { kind: 'past' }),
  whole('codecs-true', list(INDEX, swap('CODECS="avc1.42c01e', 'CODECS="avc1.64001f'))),
  whole('codecs-true', list(INDEX, swap('mp4a.40.2', 'mp4a.40.5'))),
  whole('resolution-true', list(INDEX, swap('RESOLUTION=160x96', 'RESOLUTION=320x192'))),
  whole('frame-rate-true', list(INDEX, swap('FRAME-RATE=25.000', 'FRAME-RATE=30.000'))),
  whole('same-target', list(A0, swap('TARGETDURATION:2', 'TARGETDURATION:3')), {
    also: ['hold-back-least', 'can-skip-until-least'],
  }),
  whole(
    'same-type',
    (files) => {
      editList(files, A0, swap('#EXT-X-ENDLIST\n', ''));
      editList(files, A0, swap('VOD', 'EVENT'));
    },
    { kind: 'past' },
  ),
  whole(
    'aligned-dates',
    list(A0, (text) => text.replaceAll(/00:00:(\d\d)\.(0|7)00Z/g, '00:01:$1.$200Z')),
  ),
  whole('aligned-discontinuities', list(A0, swap('DISCONTINUITY-SEQUENCE:7', 'DISCONTINUITY-SEQUENCE:6'))),
  whole('aligned-ends', list(A0, swap(/#EXT-X-PROG.*\n#EXTINF.*\n105.*\n/, '')), { kind: 'past' }),
  whole('report-complete', list(V0, swap(/#EXT-X-RENDITION-REPORT.*\n/, ''))),
  whole(
    'report-complete',
    list(V0, (text) => `${text}#EXT-X-RENDITION-REPORT:URI="g1.m3u8",LAST-MSN=112,LAST-PART=3\n`),
  ),
  whole('report-true', list(V0, swap('LAST-MSN=112', 'LAST-MSN=114'))),
  whole('report-true', list(V0, swap('LAST-PART=3', 'LAST-PART=5'))),
  whole('report-true', list(V0, swap(',LAST-PART=3', ''))),
];

/** All of them. */
export const brokenMedia: readonly Broken[] = [...ofMedia, ...ofMuxed, ...ofPresentation];
