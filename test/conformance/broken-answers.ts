/**
 * Broken cases of answers: blocking reloads, deltas, hints, HTTP.
 * In: the example. Out: cases for rulebook.test.ts.
 */
import { gzipSync } from 'node:zlib';
import { type Broken, type Edit, subject, swap, withHeaders } from './broken.ts';
import { exampleLive, examplePart, LIVE, listAnswer, mediaAnswer } from './harness/example-presentation.ts';
import { readMedia } from './media-text.ts';
import type { Answer } from './rules/rule.ts';
import {
  type Delta,
  type Hinted,
  type Reloaded,
  rulesOfDelta,
  rulesOfHinted,
  rulesOfReloaded,
} from './rules/rules-of-blocking.ts';
import { type Forms, rulesOfForms, rulesOfServed, type Served } from './rules/rules-of-http.ts';

const media = (text: string) => readMedia('/example/v0/g1.m3u8', text);

/** Segment 112, part 5 was requested while part 4 was the hint, and was returned. */
const reached: Reloaded = {
  asked: { msn: 112, part: 5 },
  status: 200,
  tookMs: 350,
  before: media(exampleLive('v0')),
  list: media(exampleLive('v0', { ...LIVE, open: 6 })),
};
const refused: Reloaded = { ...reached, asked: { msn: 140 }, status: 400, tookMs: 1, list: undefined };
const late: Reloaded = { ...reached, status: 503, tookMs: 6000, list: undefined };

const ofReloads: readonly Broken[] = [
  subject(rulesOfReloaded, 'blocking-contains', reached, { ...reached, list: reached.before }),
  subject(rulesOfReloaded, 'blocking-contains', reached, { ...reached, list: undefined }),
  subject(
    rulesOfReloaded,
    'blocking-contains',
    { ...reached, asked: { msn: 111 }, list: reached.before },
    { ...reached, asked: { msn: 112 }, list: reached.before },
  ),
  // A part behind the last of its segment is the first of the next one.
  subject(
    rulesOfReloaded,
    'blocking-contains',
    { ...reached, asked: { msn: 111, part: 10 }, list: reached.before },
    { ...reached, asked: { msn: 111, part: 10 }, list: media(exampleLive('v0', { ...LIVE, open: 0 })) },
  ),
  subject(rulesOfReloaded, 'blocking-answered', late, { ...late, status: 404 }),
  subject(rulesOfReloaded, 'blocking-answered', reached, { ...late, status: 400 }),
  subject(rulesOfReloaded, 'blocking-in-time', late, { ...late, tookMs: 9000 }),
  subject(rulesOfReloaded, 'part-needs-msn', { ...refused, asked: { part: 3 } }, { ...reached, asked: { part: 3 } }),
  subject(rulesOfReloaded, 'too-far-refused', refused, { ...refused, status: 503 }),
  subject(
    rulesOfReloaded,
    'too-far-refused',
    { ...refused, asked: { msn: 112, part: 900 } },
    { ...refused, asked: { msn: 112, part: 900 }, status: 404 },
  ),
  // The segment is complete when the request arrives.
  subject(
    rulesOfReloaded,
    'too-far-refused',
    { ...reached, asked: { msn: 112, part: 900 }, list: media(exampleLive('v0', { ...LIVE, sealed: 13 })) },
    { ...refused, asked: { msn: 112, part: 900 }, status: 404 },
  ),
];

const state = { ...LIVE, sealed: 13 };
const delta: Delta = { full: media(exampleLive('v0', state)), delta: media(exampleLive('v0', state, { skip: true })) };
const edited = (edit: Edit): Delta => ({ ...delta, delta: media(edit(delta.delta.text)) });

const ofDeltas: readonly Broken[] = [
  subject(rulesOfDelta, 'delta-on-demand', delta, { full: delta.delta, delta: { ...delta.delta, skipped: 0 } }),
  subject(rulesOfDelta, 'delta-is-list', delta, edited(swap('SKIPPED-SEGMENTS=7', 'SKIPPED-SEGMENTS=6'))),
  subject(rulesOfDelta, 'delta-is-list', delta, edited(swap('#EXTINF:2.00000,\n109', '#EXTINF:1.99900,\n109'))),
  subject(rulesOfDelta, 'delta-is-list', delta, edited(swap('MEDIA-SEQUENCE:100', 'MEDIA-SEQUENCE:107'))),
  subject(rulesOfDelta, 'delta-is-list', delta, edited(swap('#EXT-X-MAP:URI="init-1.mp4"\n', ''))),
  subject(rulesOfDelta, 'delta-boundary', delta, {
    full: media(swap('UNTIL=12', 'UNTIL=13')(delta.full.text)),
    delta: media(swap('UNTIL=12', 'UNTIL=13')(delta.delta.text)),
  }),
  subject(
    rulesOfDelta,
    'delta-given',
    { full: media(exampleLive('v0', { ...state, from: 5 })), delta: media(exampleLive('v0', { ...state, from: 5 })) },
    { full: delta.full, delta: delta.full },
  ),
];

const bytes = examplePart('v0', 12, 4);
const hinted: Hinted = {
  url: '/example/v0/112.4.m4s',
  status: 200,
  tookMs: 180,
  targetDurationS: 2,
  bytes,
  later: bytes,
};
const never: Hinted = { ...hinted, status: 404, bytes: new Uint8Array(), later: undefined };

const ofHints: readonly Broken[] = [
  subject(rulesOfHinted, 'hint-served', hinted, { ...never, later: bytes }),
  subject(rulesOfHinted, 'hint-served', never, { ...never, status: 500 }),
  subject(rulesOfHinted, 'hint-served', hinted, { ...hinted, tookMs: 9000 }),
  subject(rulesOfHinted, 'hint-same-bytes', hinted, { ...hinted, later: examplePart('v0', 12, 5) }),
];

const list: Served = {
  url: '/example/v0/g1.m3u8',
  kind: 'live',
  targetDurationS: 2,
  overHttp: true,
  answer: listAnswer(exampleLive('v0')),
};
const segment: Served = {
  url: '/example/v0/112.4.m4s',
  kind: 'part',
  targetDurationS: Number.NaN,
  overHttp: true,
  answer: mediaAnswer(bytes),
};
const said = (of: Served, edits: Readonly<Record<string, string | undefined>>): Served => ({
  ...of,
  answer: withHeaders(of.answer, edits),
});

const ofServed: readonly Broken[] = [
  subject(rulesOfServed, 'listed-served', segment, { ...segment, answer: { ...segment.answer, status: 404 } }),
  subject(rulesOfServed, 'listed-served', segment, { ...segment, answer: mediaAnswer(new Uint8Array()) }),
  subject(rulesOfServed, 'content-type', list, said(list, { 'content-type': 'text/plain' })),
  subject(rulesOfServed, 'content-type', segment, said(segment, { 'content-type': 'application/octet-stream' })),
  subject(rulesOfServed, 'cors', list, said(list, { 'access-control-allow-origin': undefined })),
  subject(rulesOfServed, 'length-true', segment, said(segment, { 'content-length': '7' })),
  subject(rulesOfServed, 'cache-list', list, said(list, { 'cache-control': 'public, max-age=30' })),
  subject(rulesOfServed, 'cache-list', list, said(list, { 'cache-control': undefined })),
  subject(rulesOfServed, 'cache-media', segment, said(segment, { 'cache-control': 'no-store' })),
];

const empty: Answer = { status: 304, headers: {}, body: new Uint8Array() };
const plain = withHeaders(listAnswer(exampleLive('v0')), { etag: '"a"' });
const zip = (text: Uint8Array) => gzipSync(text);
const zipped: Answer = {
  ...withHeaders(plain, { 'content-encoding': 'gzip', vary: 'Accept-Encoding', etag: '"a-gz"' }),
  body: zip(plain.body),
};
const forms: Forms = {
  url: '/example/v0/g1.m3u8',
  isList: true,
  plain,
  zipped,
  unchanged: empty,
  range: plain,
  beyond: { ...empty, status: 416 },
};
const ranged: Answer = {
  status: 206,
  headers: { 'content-range': `bytes 1-10/${bytes.length}` },
  body: bytes.subarray(1, 11),
};
const ofMedia: Forms = {
  url: segment.url,
  isList: false,
  plain: segment.answer,
  zipped: segment.answer,
  unchanged: undefined,
  range: ranged,
  beyond: { ...empty, status: 416 },
};

const ofForms: readonly Broken[] = [
  subject(rulesOfForms, 'gzip-given', forms, { ...forms, zipped: plain }),
  subject(
    rulesOfForms,
    'gzip-given',
    ofMedia,
    { ...ofMedia, zipped: { ...zipped, body: zip(bytes) } },
    { also: ['gzip-true'] },
  ),
  subject(rulesOfForms, 'gzip-true', forms, { ...forms, zipped: { ...zipped, body: plain.body } }),
  subject(rulesOfForms, 'gzip-true', forms, { ...forms, zipped: { ...zipped, body: zip(bytes) } }),
  subject(rulesOfForms, 'gzip-true', forms, { ...forms, zipped: withHeaders(zipped, { vary: undefined }) }),
  subject(rulesOfForms, 'gzip-true', forms, { ...forms, zipped: withHeaders(zipped, { etag: '"a"' }) }),
  subject(rulesOfForms, 'etag-not-modified', forms, { ...forms, unchanged: plain }),
  subject(rulesOfForms, 'etag-not-modified', forms, { ...forms, unchanged: { ...empty, body: plain.body } }),
  subject(rulesOfForms, 'range-true', ofMedia, { ...ofMedia, range: segment.answer }),
  subject(rulesOfForms, 'range-true', ofMedia, { ...ofMedia, range: { ...ranged, body: bytes.subarray(0, 10) } }),
  subject(rulesOfForms, 'range-true', ofMedia, {
    ...ofMedia,
    range: withHeaders(ranged, { 'content-range': 'bytes 1-10/11' }),
  }),
  subject(rulesOfForms, 'range-true', ofMedia, { ...ofMedia, beyond: segment.answer }),
];

/** All of them. */
export const brokenAnswers: readonly Broken[] = [...ofReloads, ...ofDeltas, ...ofHints, ...ofServed, ...ofForms];
