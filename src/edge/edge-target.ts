/**
 * What a request to an edge targets: an object that the edge keeps, under one key for all clients, or
 * something that only the origin answers.
 * In: request targets. Out: keys, names for access, the path to request from the origin. Pure. docs/media.md
 * 27; docs/9-run/edge.md.
 */
import { mayBeExempt } from '../accounts/watch-tokens.ts';
import { clipTokenNameOf } from '../api/clips/clips-api.ts';
import { originalTokenNameOf, tokenNameOf } from '../api/library/assets-api.ts';
import { assetOf, clipOf, type MediaAddress, parseMediaAddress } from '../api/media-address.ts';
import { printSignedPath, splitTarget } from '../api/signed-path.ts';
import { catchUpStart } from '../api/ts-address.ts';

/** An object that the edge keeps. */
export interface EdgeTarget {
  /** Path and HLS directives in one order: equal for equal objects. */
  readonly key: string;
  readonly path: string;
  readonly address: MediaAddress;
  /** The playback token before the path. */
  readonly token: string | undefined;
  /** What playback tokens for it are signed for: the stream, `asset/ID` or `clip/ID`. */
  readonly name: string;
  /** The reload is held at the origin until this exists. */
  readonly isHeld: boolean;
  /** A delta update is requested. */
  readonly isDelta: boolean;
}

/** Addresses with one body for all clients, of a size that a cache can hold as a whole. */
const KEPT: ReadonlySet<MediaAddress['kind']> = new Set([
  ...(['index', 'manifest', 'playlist', 'init', 'segment', 'part', 'subtitles'] as const),
  ...(['dvr-index', 'dvr-manifest', 'dvr-playlist', 'ts-index', 'ts-playlist', 'ts-segment'] as const),
  ...(['window-index', 'window-manifest', 'window-playlist', 'captions'] as const),
  ...(['still', 'small-still', 'storyboard', 'clip-preview'] as const),
  ...(['asset-index', 'asset-manifest', 'asset-playlist', 'asset-init', 'asset-segment'] as const),
  ...(['asset-subtitles', 'asset-text', 'asset-chapters', 'asset-poster', 'asset-storyboard', 'asset-sprite'] as const),
]);

/** Playlists that take directives. */
const RELOADED: ReadonlySet<MediaAddress['kind']> = new Set(['playlist', 'dvr-playlist']);
/** `_`, `H`, `L` or `S`, percent-encoded: may hide a directive, which only a full parser finds. */
const ENCODED_LETTER = /%(?:5f|48|4c|53)/i;
const DIRECTIVE = /^_HLS_(?:msn|part|skip)=[0-9A-Za-z]{1,15}$/;

/** Parses a target; undefined if the origin must answer. */
export function edgeTargetOf(target: string): EdgeTarget | undefined {
  const { token, path, query } = splitTarget(target);
  // Its holder may get another answer than viewers: no copy is for both.
  if (token !== undefined && mayBeExempt(token)) return undefined;
  const address = parseMediaAddress(path);
  if (!address || !KEPT.has(address.kind)) return undefined;
  // Catch-up has the address of the live playlist.
  if (address.kind === 'ts-index' && query !== '' && catchUpStart(new URLSearchParams(query)) !== null)
    return undefined;
  const name = nameOf(address);
  if (name === undefined) return undefined;
  const directives = RELOADED.has(address.kind) ? directivesIn(query) : [];
  if (!directives) return undefined;
  const key = directives.length === 0 ? path : `${path}?${directives.join('&')}`;
  const isHeld = directives.some((directive) => directive.startsWith('_HLS_msn='));
  return {
    key,
    path,
    address,
    token,
    name,
    isHeld,
    isDelta: directives.some((directive) => directive.startsWith('_HLS_skip=')),
  };
}

/** The target of the same object for a client with this token. */
export function originTarget({ key }: Pick<EdgeTarget, 'key'>, token: string | undefined): string {
  return token === undefined ? key : printSignedPath(token, key);
}

/** What playback tokens for an address are signed for; undefined without a stream, asset or clip. */
function nameOf(address: MediaAddress): string | undefined {
  const clip = clipOf(address);
  if (clip !== undefined) return clipTokenNameOf(clip);
  const asset = assetOf(address);
  if (asset !== undefined) return address.kind === 'asset-original' ? originalTokenNameOf(asset) : tokenNameOf(asset);
  return address.stream;
}

/** The directives in one order; undefined if one is repeated or not plain. */
function directivesIn(query: string): string[] | undefined {
  if (ENCODED_LETTER.test(query)) return undefined;
  if (!query.includes('_HLS_')) return [];
  const directives = query
    .split('&')
    .filter((directive) => directive.startsWith('_HLS_'))
    .sort();
  const names = new Set(directives.map((directive) => directive.slice(0, directive.indexOf('='))));
  return names.size === directives.length && directives.every((directive) => DIRECTIVE.test(directive))
    ? directives
    : undefined;
}
