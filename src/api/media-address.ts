/**
 * The addresses of media: one union, parsed once per request and carried from then on; `printMediaAddress` is
 * the inverse.
 * In: request targets. Out: the media, its stream and its class, for access control, metrics, viewers
 * and delivery. Pure. Times and durations stay the text of the path, percent-encoded: their meaning may
 * depend on the query (VSR's time zones), and an invalid one is refused only after access control. No regular
 * expression here backtracks: this runs for every request.
 */
import { digitsAt } from '../lib/whole-number.ts';
import { type ClipAddress, isBelowClip, parseClipAddress, printClipAddress } from './clips/clip-address.ts';
import { KEYS_FOLDER, keyFileOf, keyFolderOf, keyOfFile, keyOfFolder, LICENCE_FILE } from './content-key-name.ts';
import { ASSETS, type AssetAddress, parseAssetAddress, printAssetAddress } from './library/asset-address.ts';
import { splitTarget, type TargetPieces } from './signed-path.ts';
import { isStreamName } from './stream/stream-name.ts';
import { isTime, parseThumbAddress, printThumbAddress, type ThumbAddress } from './thumb-address.ts';
import { parseTimelapseAddress, printTimelapseAddress, TIMELAPSE, type TimelapseAddress } from './timelapse-address.ts';
import { parseTsFile, printTsAddress, type TsAddress, tsMsnOf } from './ts-address.ts';

/**
 * Live addresses that memory may answer, below /live/{stream}/: a Multivariant Playlist, a DASH manifest,
 * or of a rendition a list, init section, segment or part.
 */
export type LiveAddress = { readonly stream: string } & (
  | { readonly kind: 'index' }
  | { readonly kind: 'manifest' }
  | { readonly kind: 'playlist'; readonly rendition: string; readonly generation: number }
  | ({ readonly kind: 'init'; readonly rendition: string; readonly init: number } & MaybeEncrypted)
  | ({ readonly kind: 'segment'; readonly rendition: string; readonly msn: number } & MaybeEncrypted)
  | ({
      readonly kind: 'part';
      readonly rendition: string;
      readonly msn: number;
      readonly part: number;
    } & MaybeEncrypted)
);

/** Media that may be encrypted. */
interface MaybeEncrypted {
  /** Name of the content key that its bytes are encrypted with; absent: they are clear. */
  readonly key?: string;
}

/**
 * The other forms of the live stream: lists that reach hours back, subtitles; the server's time for DASH
 * players; where players report their sessions, and read which edge they should use.
 */
export type LiveFormAddress = { readonly stream: string } & (
  | { readonly kind: 'time' | 'session' | 'steering' }
  | { readonly kind: 'dvr-index' | 'dvr-manifest'; readonly length: string }
  | { readonly kind: 'dvr-playlist'; readonly length: string; readonly rendition: string; readonly generation: number }
  | ({ readonly kind: 'subtitles'; readonly rendition: string; readonly msn: number } & MaybeEncrypted)
  /** A content key, by its name. */
  | { readonly kind: 'key'; readonly key: string }
  /** Where players request ClearKey licences. */
  | { readonly kind: 'licence' }
  | StoredSegmentName
);

/**
 * The bytes of a segment as they are stored in a file, from `offset` on. Requests name them with Range, so
 * that the bucket with the file can answer in place of oxbow.
 */
interface StoredSegmentName {
  readonly kind: 'stored-segment';
  readonly rendition: string;
  readonly msn: number;
  /** Of its first byte in the file. */
  readonly offset: number;
}

/** A range of a recording; `to` may be a duration. */
interface RangeInPath {
  readonly stream: string;
  readonly from: string;
  readonly to: string;
}

/**
 * A window of the recording as playlists or as a DASH manifest; `revision` names one state of it for good.
 */
export type WindowAddress = RangeInPath & { readonly revision: number | undefined } & (
    | { readonly kind: 'window-index' }
    | { readonly kind: 'window-manifest' }
    | { readonly kind: 'window-playlist'; readonly rendition: string }
  );

/**
 * Files made from the recording. `channel` of captions: 1 to 4 for CC1 to CC4, undefined for the first with
 * text.
 */
export type FileAddress =
  | (RangeInPath & { readonly kind: 'captions'; readonly channel: number | undefined })
  | (RangeInPath & { readonly kind: 'clip'; readonly format: ClipFormat })
  | TimelapseAddress
  | ThumbAddress;

export type ClipFormat = 'mp4' | 'mkv' | 'ts';

/** The addresses of video-stream-recorder, which name no stream: the default stream is meant. */
export type VsrAddress = { readonly stream: undefined } & (
  | { readonly kind: 'vsr-live' }
  | { readonly kind: 'vsr-window'; readonly window: VsrWindow; readonly file: 'vod' | 'stream' }
  | { readonly kind: 'vsr-segment'; readonly window: VsrWindow | undefined; readonly msn: number }
);

/** Start and length as VSR writes them. */
export interface VsrWindow {
  readonly start: string;
  readonly length: string;
}

/** A path in an area of media that names nothing there. */
export interface UnknownAddress {
  readonly kind: 'unknown';
  /** The stream that it seems to name: access control and limits apply before the refusal. */
  readonly stream: string | undefined;
  /** The asset that it seems to name. */
  readonly asset?: string;
  /** The clip that it seems to name. */
  readonly clip?: string;
  readonly class: MediaClass;
  readonly path: string;
}

/**
 * The media of a path; `stream` undefined means the default stream, unless the address names an asset or
 * a clip.
 */
export type MediaAddress =
  | LiveAddress
  | LiveFormAddress
  | TsAddress
  | WindowAddress
  | FileAddress
  | VsrAddress
  | AssetAddress
  | ClipAddress
  | UnknownAddress;

/** The asset that an address names; undefined if it is another address. */
export const assetOf = (address: MediaAddress): string | undefined => ('asset' in address ? address.asset : undefined);

/** The clip that an address names; undefined if it is another address. */
export const clipOf = (address: MediaAddress): string | undefined => ('clip' in address ? address.clip : undefined);

/** Classes of addresses, for metrics, limits and how long a playback token is valid for them. */
export type MediaClass =
  | 'playlist'
  | 'window'
  | 'init'
  | 'segment'
  | 'part'
  | 'key'
  | 'clip'
  | 'thumb'
  | 'file'
  | 'picture'
  | 'session';

const classes: Readonly<Record<Exclude<MediaAddress['kind'], 'unknown'>, MediaClass>> = {
  index: 'playlist',
  manifest: 'playlist',
  time: 'playlist',
  session: 'session',
  steering: 'session',
  playlist: 'playlist',
  init: 'init',
  segment: 'segment',
  part: 'part',
  'dvr-index': 'playlist',
  'dvr-manifest': 'playlist',
  'dvr-playlist': 'playlist',
  'ts-index': 'playlist',
  'ts-playlist': 'playlist',
  'ts-segment': 'segment',
  'ts-catch-up': 'window',
  'ts-delayed': 'window',
  subtitles: 'segment',
  key: 'key',
  licence: 'key',
  'stored-segment': 'segment',
  'window-index': 'window',
  'window-manifest': 'window',
  'window-playlist': 'window',
  captions: 'clip',
  clip: 'clip',
  timelapse: 'clip',
  still: 'thumb',
  'small-still': 'thumb',
  storyboard: 'thumb',
  'vsr-live': 'playlist',
  'vsr-window': 'window',
  'vsr-segment': 'segment',
  'asset-index': 'window',
  'asset-manifest': 'window',
  'asset-playlist': 'window',
  'asset-init': 'init',
  'asset-segment': 'segment',
  'asset-stored-segment': 'segment',
  'asset-subtitles': 'segment',
  'asset-key': 'key',
  'asset-licence': 'key',
  'asset-file': 'clip',
  'asset-text': 'segment',
  'asset-chapters': 'window',
  'asset-original': 'file',
  'asset-poster': 'picture',
  'asset-storyboard': 'picture',
  'asset-sprite': 'picture',
  'clip-file': 'clip',
  'clip-preview': 'thumb',
};

/** The class of an address. */
export function mediaClassOf(address: MediaAddress): MediaClass {
  return address.kind === 'unknown' ? address.class : classes[address.kind];
}

/** Whether a live list may answer it. */
export function isLiveAddress(address: MediaAddress): address is LiveAddress {
  switch (address.kind) {
    case 'index':
    case 'manifest':
    case 'playlist':
    case 'init':
    case 'segment':
    case 'part':
      return true;
    default:
      return false;
  }
}

/** A request for media. */
export interface MediaTarget extends TargetPieces {
  readonly address: MediaAddress;
}

/**
 * Parses the target of a request, in origin form.
 *
 * @returns undefined if its path is in no area of media
 */
export function parseMediaTarget(target: string): MediaTarget | undefined {
  const pieces = splitTarget(target);
  const address = parseMediaAddress(pieces.path);
  return address && { ...pieces, address };
}

/**
 * Parses a path.
 *
 * @param path without token and query, percent-encoded
 * @returns `unknown` for what names nothing in an area of media, undefined outside of them
 */
export function parseMediaAddress(path: string): MediaAddress | undefined {
  if (path.startsWith('/live/')) return parseLive(path) ?? unknown(path, 'live');
  if (path.startsWith('/vod/')) return parseWindow(path) ?? unknown(path, 'vod');
  if (path.startsWith('/clip/')) return parseClip(path) ?? unknown(path, 'clip');
  if (path.startsWith(TIMELAPSE)) return parseTimelapseAddress(path) ?? unknown(path, 'timelapse');
  if (path.startsWith('/thumb/')) return parseThumbAddress(path) ?? unknown(path, 'thumb');
  if (path.startsWith(ASSETS)) return parseAssetAddress(path) ?? unknownAsset(path);
  if (isBelowClip(path)) return parseClipAddress(path);
  if (path.startsWith('/start/')) return parseStart(path) ?? unknown(path, 'start');
  return undefined;
}

/**
 * Prints the path of an address.
 *
 * @returns what `parseMediaAddress` parses to an equal address
 */
export function printMediaAddress(address: MediaAddress): string {
  switch (address.kind) {
    case 'index':
      return `/live/${address.stream}/index.m3u8`;
    case 'manifest':
      return `/live/${address.stream}/index.mpd`;
    case 'time':
      return `/live/${address.stream}/time.txt`;
    case 'session':
      return `/live/${address.stream}/session`;
    case 'steering':
      return `/live/${address.stream}/steering.json`;
    case 'playlist':
      return `/live/${address.stream}/${address.rendition}/g${address.generation}.m3u8`;
    case 'init':
      return `${printFolder(address)}init-${address.init}.mp4`;
    case 'segment':
      return `${printFolder(address)}${address.msn}.m4s`;
    case 'part':
      return `${printFolder(address)}${address.msn}.${address.part}.m4s`;
    case 'key':
      return `/live/${address.stream}/${KEYS_FOLDER}/${keyFileOf(address.key)}`;
    case 'licence':
      return `/live/${address.stream}/${KEYS_FOLDER}/${LICENCE_FILE}`;
    case 'dvr-index':
      return `/live/${address.stream}/dvr-${address.length}/index.m3u8`;
    case 'dvr-manifest':
      return `/live/${address.stream}/dvr-${address.length}/index.mpd`;
    case 'dvr-playlist':
      return `/live/${address.stream}/dvr-${address.length}/${address.rendition}/g${address.generation}.m3u8`;
    case 'ts-index':
    case 'ts-playlist':
    case 'ts-segment':
    case 'ts-catch-up':
    case 'ts-delayed':
      return printTsAddress(address);
    case 'subtitles':
      return `${printFolder(address)}${address.msn}.vtt`;
    case 'stored-segment':
      return `/live/${address.stream}/${address.rendition}/${address.msn}-${address.offset}.mp4`;
    case 'window-index':
      return `${printWindow(address)}/index.m3u8`;
    case 'window-manifest':
      return `${printWindow(address)}/index.mpd`;
    case 'window-playlist':
      return `${printWindow(address)}/${address.rendition}.m3u8`;
    case 'captions':
      return `/vod/${address.stream}/${address.from}/${address.to}/captions${address.channel === undefined ? '' : `-cc${address.channel}`}.vtt`;
    case 'clip':
      return `/clip/${address.stream}/${address.from}/${address.to}.${address.format}`;
    case 'timelapse':
      return printTimelapseAddress(address);
    case 'still':
    case 'small-still':
    case 'storyboard':
      return printThumbAddress(address);
    case 'vsr-live':
      return '/live/stream.m3u8';
    case 'vsr-window':
      return `${printVsrWindow(address.window)}/${address.file}.m3u8`;
    case 'vsr-segment':
      return `${address.window ? printVsrWindow(address.window) : '/live'}/${address.msn}.ts`;
    case 'clip-file':
    case 'clip-preview':
      return printClipAddress(address);
    case 'unknown':
      return address.path;
    default:
      return printAssetAddress(address);
  }
}

/** Folder of a segment of a live rendition, with a slash at its end. */
function printFolder({
  stream,
  rendition,
  key,
}: { readonly stream: string; readonly rendition: string } & MaybeEncrypted): string {
  return `/live/${stream}/${rendition}/${key === undefined ? '' : keyFolderOf(key)}`;
}

function printWindow({ stream, from, to, revision }: WindowAddress): string {
  return `/vod/${stream}/${from}/${to}${revision === undefined ? '' : `/v${revision}`}`;
}

function printVsrWindow({ start, length }: VsrWindow): string {
  return `/start/${start}/${length}`;
}

const RENDITION = /^[a-z0-9-]{1,32}$/;
const SUBTITLES = /^s\d[a-z0-9-]{0,30}$/;
const DVR = /^dvr-[0-9a-z]{1,8}$/;
const CAPTIONS = /^captions(?:-cc([1-4]))?\.vtt$/;
const CLIP_FORMAT = /\.(mp4|mkv|ts)$/;
/** Digits of an MSN, generation or offset; of an init section or revision; of a part. */
const [MSN_DIGITS, INIT_DIGITS, PART_DIGITS] = [15, 9, 5];

/** Below /live/: the hot path, so without arrays. */
function parseLive(path: string): MediaAddress | undefined {
  const nameEnd = path.indexOf('/', 6);
  if (nameEnd < 0) return parseVsrLive(path.slice(6));
  const stream = path.slice(6, nameEnd);
  if (!isStreamName(stream)) return undefined;
  const folderEnd = path.lastIndexOf('/');
  const file = path.slice(folderEnd + 1);
  if (folderEnd === nameEnd) {
    const kind = kindOfStreamFile(file);
    return kind && { kind, stream };
  }
  const folder = path.slice(nameEnd + 1, folderEnd);
  if (folder === 'ts') {
    const ts = parseTsFile(stream, file);
    if (ts) return ts;
  }
  if (folder.startsWith('dvr-')) {
    const dvr = parseDvr(stream, folder, file);
    if (dvr) return dvr;
  }
  const slash = folder.indexOf('/');
  if (slash >= 0) return parseEncrypted(stream, folder.slice(0, slash), folder.slice(slash + 1), file);
  return RENDITION.test(folder) ? parseOfRendition(stream, folder, file) : undefined;
}

/** A segment, or an init section of common encryption, in the folder of its key. */
function parseEncrypted(stream: string, rendition: string, folder: string, file: string): MediaAddress | undefined {
  const key = keyOfFolder(folder);
  if (key === undefined || !RENDITION.test(rendition)) return undefined;
  const ts = rendition === 'ts' ? parseTsFile(stream, file) : undefined;
  const address = ts ?? parseOfRendition(stream, rendition, file);
  switch (address?.kind) {
    case 'init':
    case 'segment':
    case 'part':
    case 'subtitles':
    case 'ts-segment':
      return { ...address, key };
    default:
      return undefined;
  }
}

function kindOfStreamFile(file: string): 'index' | 'manifest' | 'time' | 'session' | 'steering' | undefined {
  if (file === 'index.m3u8') return 'index';
  if (file === 'index.mpd') return 'manifest';
  if (file === 'session') return 'session';
  if (file === 'steering.json') return 'steering';
  return file === 'time.txt' ? 'time' : undefined;
}

function parseOfRendition(stream: string, rendition: string, file: string): MediaAddress | undefined {
  if (file.endsWith('.m4s')) {
    const end = file.length - 4;
    const dot = file.indexOf('.');
    const msn = digitsAt(file, 0, dot, MSN_DIGITS);
    if (msn < 0) return undefined;
    if (dot === end) return { kind: 'segment', stream, rendition, msn };
    const part = digitsAt(file, dot + 1, end, PART_DIGITS);
    return part < 0 ? undefined : { kind: 'part', stream, rendition, msn, part };
  }
  const generation = generationOf(file);
  if (generation >= 0) return { kind: 'playlist', stream, rendition, generation };
  if (rendition === KEYS_FOLDER) {
    if (file === LICENCE_FILE) return { kind: 'licence', stream };
    const key = keyOfFile(file);
    return key === undefined ? undefined : { kind: 'key', stream, key };
  }
  if (file.startsWith('init-') && file.endsWith('.mp4')) {
    const init = digitsAt(file, 5, file.length - 4, INIT_DIGITS);
    return init < 0 ? undefined : { kind: 'init', stream, rendition, init };
  }
  if (file.endsWith('.mp4')) {
    const dash = file.indexOf('-');
    const msn = digitsAt(file, 0, dash, MSN_DIGITS);
    const offset = digitsAt(file, dash + 1, file.length - 4, MSN_DIGITS);
    return msn < 0 || offset < 0 ? undefined : { kind: 'stored-segment', stream, rendition, msn, offset };
  }
  if (!file.endsWith('.vtt') || !SUBTITLES.test(rendition)) return undefined;
  const msn = digitsAt(file, 0, file.length - 4, MSN_DIGITS);
  return msn < 0 ? undefined : { kind: 'subtitles', stream, rendition, msn };
}

function parseDvr(stream: string, folder: string, file: string): MediaAddress | undefined {
  const [dvr, rendition, ...more] = folder.split('/') as [string, string?];
  if (!DVR.test(dvr) || more.length > 0) return undefined;
  const length = dvr.slice(4);
  if (rendition === undefined) {
    if (file === 'index.mpd') return { kind: 'dvr-manifest', stream, length };
    return file === 'index.m3u8' ? { kind: 'dvr-index', stream, length } : undefined;
  }
  const generation = generationOf(file);
  if (generation < 0 || !RENDITION.test(rendition)) return undefined;
  return { kind: 'dvr-playlist', stream, length, rendition, generation };
}

function parseWindow(path: string): MediaAddress | undefined {
  const [stream = '', from = '', to = '', ...components] = path.slice(5).split('/');
  const file = components.pop() ?? '';
  const [version, ...more] = components;
  if (!isStreamName(stream) || !isTime(from) || !isTime(to) || more.length > 0) return undefined;
  if (version !== undefined && !version.startsWith('v')) return undefined;
  const revision = version === undefined ? undefined : digitsAt(version, 1, version.length, INIT_DIGITS);
  if ((revision ?? 0) < 0) return undefined;
  const captions = version === undefined ? CAPTIONS.exec(file) : undefined;
  if (captions) return { kind: 'captions', stream, from, to, channel: captions[1] ? Number(captions[1]) : undefined };
  if (file === 'index.mpd') return { kind: 'window-manifest', stream, from, to, revision };
  const rendition = file.slice(0, -5);
  if (!file.endsWith('.m3u8') || !RENDITION.test(rendition)) return undefined;
  if (rendition === 'index') return { kind: 'window-index', stream, from, to, revision };
  return { kind: 'window-playlist', stream, from, to, revision, rendition };
}

function parseClip(path: string): MediaAddress | undefined {
  const [stream = '', from = '', file = '', ...more] = path.slice(6).split('/');
  const format = CLIP_FORMAT.exec(file)?.[1] as ClipFormat | undefined;
  if (format === undefined || !isStreamName(stream) || more.length > 0) return undefined;
  const to = file.slice(0, -format.length - 1);
  return isTime(from) && isTime(to) ? { kind: 'clip', stream, from, to, format } : undefined;
}

function parseVsrLive(file: string): MediaAddress | undefined {
  if (file === 'stream.m3u8') return { kind: 'vsr-live', stream: undefined };
  const msn = tsMsnOf(file);
  return msn < 0 ? undefined : { kind: 'vsr-segment', stream: undefined, window: undefined, msn };
}

function parseStart(path: string): MediaAddress | undefined {
  const [start = '', length = '', file = '', ...more] = path.slice(7).split('/');
  if (!isTime(start) || !isTime(length) || more.length > 0) return undefined;
  const window = { start, length };
  if (file === 'vod.m3u8') return { kind: 'vsr-window', stream: undefined, window, file: 'vod' };
  if (file === 'stream.m3u8') return { kind: 'vsr-window', stream: undefined, window, file: 'stream' };
  const msn = tsMsnOf(file);
  return msn < 0 ? undefined : { kind: 'vsr-segment', stream: undefined, window, msn };
}

type Area = 'live' | 'vod' | 'clip' | 'timelapse' | 'thumb' | 'start';

function unknown(path: string, area: Area): UnknownAddress {
  const [, , name = ''] = path.split('/', 3);
  const stream = area === 'start' || name.includes('.') ? undefined : name;
  return { kind: 'unknown', stream, class: classOfUnknown(path, area), path };
}

function unknownAsset(path: string): UnknownAddress {
  const [asset = ''] = path.slice(ASSETS.length).split('/', 1);
  return { kind: 'unknown', stream: undefined, asset, class: 'window', path };
}

function classOfUnknown(path: string, area: Area): MediaClass {
  if (area === 'clip' || area === 'thumb') return area;
  if (area === 'timelapse') return 'clip';
  if (/\.(?:m4s|mp4|ts|vtt)$/.test(path)) return 'segment';
  return area === 'live' ? 'playlist' : 'window';
}

/** `n` of `g{n}.m3u8`, or -1. */
function generationOf(file: string): number {
  return file.startsWith('g') && file.endsWith('.m3u8') ? digitsAt(file, 1, file.length - 5, MSN_DIGITS) : -1;
}
