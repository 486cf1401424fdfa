/**
 * Random media addresses, valid and scrambled; for tests and for `npm run fuzz`.
 * In: a seed. Out: nothing, or an assertion: parse(print(x)) is x, and what a scrambled path is parsed to
 * prints back to an equal address.
 */
import assert from 'node:assert/strict';
import { seeded } from '@oxbow/media/random.fixture';
import { type MediaAddress, mediaClassOf, parseMediaAddress, printMediaAddress } from './media-address.ts';

type Random = (below: number) => number;
type Kind = MediaAddress['kind'];

const NAME = 'abcdefghijklmnopqrstuvwxyz0123456789_-';
const RENDITION = 'abcdefghijklmnopqrstuvwxyz0123456789-';
/** Of an asset, or a series of keys. */
const ID = 'abcdefghijklmnopqrstuvwxyz0123456789';
/** What a time may hold: anything but a slash. */
const TIME = '0123456789TZ:.+-%20hms~';

function textOf(random: Random, characters: string, most: number): string {
  return Array.from({ length: 1 + random(most) }, () => characters[random(characters.length)]).join('');
}

/** One address of a kind. */
const makers: Readonly<Record<Exclude<Kind, 'unknown'>, (random: Random) => MediaAddress>> = {
  index: (random) => ({ kind: 'index', stream: stream(random) }),
  playlist: (random) => ({ kind: 'playlist', stream: stream(random), ...renditionOf(random), generation: msn(random) }),
  init: (random) => ({
    kind: 'init',
    stream: stream(random),
    ...renditionOf(random),
    init: random(1e9),
    ...keyOf(random),
  }),
  licence: (random) => ({ kind: 'licence', stream: stream(random) }),
  'asset-licence': (random) => ({ kind: 'asset-licence', stream: undefined, asset: textOf(random, ID, 40) }),
  segment: (random) => ({
    kind: 'segment',
    stream: stream(random),
    ...renditionOf(random),
    msn: msn(random),
    ...keyOf(random),
  }),
  key: (random) => ({ kind: 'key', stream: stream(random), key: keyName(random) }),
  'asset-key': (random) => ({
    kind: 'asset-key',
    stream: undefined,
    asset: textOf(random, ID, 40),
    key: keyName(random),
  }),
  part: (random) => ({
    kind: 'part',
    stream: stream(random),
    ...renditionOf(random),
    msn: msn(random),
    part: random(1e5),
    ...keyOf(random),
  }),
  manifest: (random) => ({ kind: 'manifest', stream: stream(random) }),
  time: (random) => ({ kind: 'time', stream: stream(random) }),
  session: (random) => ({ kind: 'session', stream: stream(random) }),
  steering: (random) => ({ kind: 'steering', stream: stream(random) }),
  'dvr-manifest': (random) => ({ kind: 'dvr-manifest', stream: stream(random), length: dvr(random) }),
  'dvr-index': (random) => ({ kind: 'dvr-index', stream: stream(random), length: dvr(random) }),
  'dvr-playlist': (random) => ({
    kind: 'dvr-playlist',
    stream: stream(random),
    length: dvr(random),
    ...renditionOf(random),
    generation: msn(random),
  }),
  'ts-index': (random) => ({ kind: 'ts-index', stream: stream(random) }),
  'ts-playlist': (random) => ({ kind: 'ts-playlist', stream: stream(random), generation: msn(random) }),
  'ts-segment': (random) => ({ kind: 'ts-segment', stream: stream(random), msn: msn(random), ...keyOf(random) }),
  'ts-catch-up': (random) => ({
    kind: 'ts-catch-up',
    stream: stream(random),
    fromS: random(1e10),
    lengthS: random(2) ? random(1e9) : undefined,
  }),
  'ts-delayed': (random) => ({ kind: 'ts-delayed', stream: stream(random), delayS: random(1e9) }),
  'stored-segment': (random) => ({
    kind: 'stored-segment',
    stream: stream(random),
    ...renditionOf(random),
    msn: msn(random),
    offset: random(1e12),
  }),
  subtitles: (random) => ({
    kind: 'subtitles',
    stream: stream(random),
    rendition: `s${random(10)}${random(2) ? `-${textOf(random, RENDITION, 29)}` : ''}`,
    msn: msn(random),
    ...keyOf(random),
  }),
  'window-index': (random) => ({ kind: 'window-index', ...range(random), revision: revision(random) }),
  'window-manifest': (random) => ({ kind: 'window-manifest', ...range(random), revision: revision(random) }),
  'window-playlist': (random) => ({
    kind: 'window-playlist',
    ...range(random),
    revision: revision(random),
    ...renditionOf(random),
  }),
  captions: (random) => ({ kind: 'captions', ...range(random), channel: random(2) ? 1 + random(4) : undefined }),
  clip: (random) => ({ kind: 'clip', ...range(random), format: (['mp4', 'mkv', 'ts'] as const)[random(3)]! }),
  timelapse: (random) => ({ kind: 'timelapse', ...range(random), seconds: random(1000) }),
  still: (random) => ({ kind: 'still', stream: stream(random), at: textOf(random, TIME, 64) }),
  'small-still': (random) => ({ kind: 'small-still', stream: stream(random), at: textOf(random, TIME, 64) }),
  storyboard: (random) => ({ kind: 'storyboard', ...range(random) }),
  'vsr-live': () => ({ kind: 'vsr-live', stream: undefined }),
  'vsr-window': (random) => ({
    kind: 'vsr-window',
    stream: undefined,
    window: window(random),
    file: random(2) ? 'vod' : 'stream',
  }),
  'vsr-segment': (random) => ({
    kind: 'vsr-segment',
    stream: undefined,
    window: random(2) ? window(random) : undefined,
    msn: msn(random),
  }),
  'asset-index': (random) => ({ kind: 'asset-index', ...asset(random) }),
  'asset-manifest': (random) => ({ kind: 'asset-manifest', ...asset(random) }),
  'asset-playlist': (random) => ({ kind: 'asset-playlist', ...asset(random), ...renditionOf(random) }),
  'asset-init': (random) => ({ kind: 'asset-init', ...asset(random), ...renditionOf(random), init: random(1e9) }),
  'asset-segment': (random) => ({ kind: 'asset-segment', ...asset(random), ...renditionOf(random), msn: msn(random) }),
  'asset-stored-segment': (random) => ({
    kind: 'asset-stored-segment',
    ...asset(random),
    ...renditionOf(random),
    msn: msn(random),
    offset: random(1e12),
  }),
  'asset-subtitles': (random) => ({
    kind: 'asset-subtitles',
    ...asset(random),
    rendition: `s${random(10)}`,
    msn: msn(random),
  }),
  'asset-file': (random) => ({ kind: 'asset-file', ...asset(random), ...renditionOf(random) }),
  'asset-text': (random) => ({
    ...asset(random),
    kind: 'asset-text',
    rendition: `s${1000 + random(9)}`,
    form: random(2) === 0 ? 'vtt' : 'ass',
  }),
  'asset-chapters': (random) => ({ ...asset(random), kind: 'asset-chapters' }),
  'asset-original': (random) => ({ kind: 'asset-original', ...asset(random) }),
  'asset-poster': (random) => ({ kind: 'asset-poster', ...asset(random) }),
  'asset-storyboard': (random) => ({ kind: 'asset-storyboard', ...asset(random) }),
  'asset-sprite': (random) => ({ kind: 'asset-sprite', ...asset(random), sprite: random(1e5) }),
  'clip-file': (random) => ({ kind: 'clip-file', ...clip(random) }),
  'clip-preview': (random) => ({ kind: 'clip-preview', ...clip(random) }),
};

const clip = (random: Random) => ({ stream: undefined, clip: `c${textOf(random, NAME, 30)}` });
const asset = (random: Random) => ({ stream: undefined, asset: `a${textOf(random, NAME.slice(0, 36), 30)}` });

const stream = (random: Random) => NAME[random(36)]! + (random(8) ? textOf(random, NAME, 63) : '');
/** A rendition of tracks: `ts`, `index` and `dvr-4h` name other things. */
const renditionOf = (random: Random) => ({ rendition: `av${textOf(random, RENDITION, 30)}` });
const msn = (random: Random) => random(2 ** 32) * (random(2) ? 1 : 200_000);
const dvr = (random: Random) => textOf(random, RENDITION.slice(0, -1), 8);
const keyName = (random: Random) => `${textOf(random, ID, 16)}-${random(1e12)}`;
const keyOf = (random: Random) => (random(2) ? { key: keyName(random) } : {});
const revision = (random: Random) => (random(2) ? random(1e9) : undefined);
const range = (random: Random) => ({
  stream: stream(random),
  from: textOf(random, TIME, 64),
  to: textOf(random, TIME, 64),
});
const window = (random: Random) => ({ start: textOf(random, TIME, 64), length: textOf(random, TIME, 64) });

const pieces = [
  '/', '/', '//', '.', '..', '%2F', '%', '?', 'A', '_', '-', '0', '00', 'g', 'v', 'v1', 'ts', 's0', 'dvr-', 'init-', 'index', 'stream', 'vod',
  '.m3u8', '.m4s', '.mp4', '.ts', '.vtt', '.jpg', 'k', 'keys', 'k0a-1/', '.key', '9999999999999999', 'x'.repeat(70), '\u00e9',
] as const; // biome-ignore format: a table

/**
 * Parses `count` addresses, every second one scrambled.
 *
 * @returns how many of the scrambled ones were valid all the same
 */
export function fuzzMediaAddresses(seed: number, count: number): number {
  const random = seeded(seed);
  const kinds = Object.keys(makers) as (keyof typeof makers)[];
  let valid = 0;
  for (let i = 0; i < count; i++) {
    const address = makers[kinds[random(kinds.length)]!](random);
    const path = printMediaAddress(address);
    assert.deepEqual(parseMediaAddress(path), address, path);
    const at = random(path.length + 1);
    const scrambled = path.slice(0, at) + pieces[random(pieces.length)] + path.slice(at + random(4));
    const parsed = parseMediaAddress(scrambled);
    if (!parsed) continue;
    assert.ok(mediaClassOf(parsed), scrambled);
    const printed = printMediaAddress(parsed);
    assert.deepEqual(parseMediaAddress(printed), parsed, scrambled);
    // Leading zeros apart, an address has one form.
    if (!/(?<!\d)0\d/.test(scrambled)) assert.equal(printed, scrambled);
    if (parsed.kind !== 'unknown') valid++;
  }
  return valid;
}
