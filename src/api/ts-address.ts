/**
 * The addresses of the MPEG-TS rendition, below /live/{stream}/ts/: a part of the media addresses. Catch-up
 * has the forms that IPTV players derive from the address of the live stream: a query, or Flussonic's files
 * next to the playlist.
 * In: files of that folder, queries. Out: addresses, and back. Pure. docs/4-watch/iptv.md.
 */

import { digitsAt } from '../lib/whole-number.ts';
import { keyFolderOf } from './content-key-name.ts';

/** A playlist or segment of the rendition. */
export type TsAddress = { readonly stream: string } & (
  | { readonly kind: 'ts-index' }
  | { readonly kind: 'ts-playlist'; readonly generation: number }
  /** `key`: name of the content key that its bytes are encrypted with; absent: they are clear. */
  | { readonly kind: 'ts-segment'; readonly msn: number; readonly key?: string }
  /**
   * The past from an instant, unix seconds; `lengthS` seconds of it, or until the server ends the playlist.
   */
  | { readonly kind: 'ts-catch-up'; readonly fromS: number; readonly lengthS: number | undefined }
  /** The past from this many seconds ago. */
  | { readonly kind: 'ts-delayed'; readonly delayS: number }
);

/** Digits of an MSN or generation; of an instant in seconds; of a length in seconds. */
const [MSN_DIGITS, INSTANT_DIGITS, LENGTH_DIGITS] = [15, 10, 9];

/** Parses the name of a file of the rendition; undefined for what names nothing there. */
export function parseTsFile(stream: string, file: string): TsAddress | undefined {
  if (file === 'index.m3u8') return { kind: 'ts-index', stream };
  if (file.startsWith('g')) {
    const generation = numberIn(file, 'g', '.m3u8', MSN_DIGITS);
    return generation < 0 ? undefined : { kind: 'ts-playlist', stream, generation };
  }
  if (file.startsWith('index-') || file.startsWith('timeshift_')) return parseFlussonic(stream, file);
  const msn = tsMsnOf(file);
  return msn < 0 ? undefined : { kind: 'ts-segment', stream, msn };
}

/** `n` of `{n}.ts`, or -1. */
export function tsMsnOf(file: string): number {
  return numberIn(file, '', '.ts', MSN_DIGITS);
}

function parseFlussonic(stream: string, file: string): TsAddress | undefined {
  const delayS = numberIn(file, 'timeshift_rel-', '.m3u8', LENGTH_DIGITS);
  if (delayS >= 0) return { kind: 'ts-delayed', stream, delayS };
  const openFromS = numberIn(file, 'timeshift_abs-', '.m3u8', INSTANT_DIGITS);
  if (openFromS >= 0) return { kind: 'ts-catch-up', stream, fromS: openFromS, lengthS: undefined };
  const dash = file.lastIndexOf('-');
  const fromS = numberIn(file.slice(0, dash), 'index-', '', INSTANT_DIGITS);
  const lengthS = numberIn(file.slice(dash), '-', '.m3u8', LENGTH_DIGITS);
  return fromS < 0 || lengthS < 0 ? undefined : { kind: 'ts-catch-up', stream, fromS, lengthS };
}

/** The digits between a prefix and a suffix, or -1. */
function numberIn(file: string, prefix: string, suffix: string, mostDigits: number): number {
  if (!file.startsWith(prefix) || !file.endsWith(suffix)) return -1;
  return digitsAt(file, prefix.length, file.length - suffix.length, mostDigits);
}

/** Prints the path of an address. */
export function printTsAddress(address: TsAddress): string {
  return `/live/${address.stream}/ts/${fileOf(address)}`;
}

function fileOf(address: TsAddress): string {
  switch (address.kind) {
    case 'ts-index':
      return 'index.m3u8';
    case 'ts-playlist':
      return `g${address.generation}.m3u8`;
    case 'ts-segment':
      return `${address.key === undefined ? '' : keyFolderOf(address.key)}${address.msn}.ts`;
    case 'ts-catch-up':
      return address.lengthS === undefined
        ? `timeshift_abs-${address.fromS}.m3u8`
        : `index-${address.fromS}-${address.lengthS}.m3u8`;
    case 'ts-delayed':
      return `timeshift_rel-${address.delayS}.m3u8`;
  }
}

/**
 * The start of the catch-up that the query of `index.m3u8` requests.
 *
 * @returns an instant in any form; null: the live stream is requested
 */
export function catchUpStart(query: URLSearchParams): string | null {
  return query.get('utc') ?? query.get('start');
}
