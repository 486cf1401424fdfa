/**
 * The link to several streams on one page, as `/multi?s=a,b&layout=2x2&focus=1&t=1795160123`; tokens are
 * `token=a:TOKEN`, one for each stream; offsets of angles `offset=b:-7300`, ms; a stored set of angles
 * `set=ID`.
 * In: location.search. Out: what the page shows, and back. Pure.
 */
import { isStreamName } from '../../../src/api/stream/stream-name.ts';
import { isAssetId, readLinkTime } from '../routes.ts';
import type { Arrangement } from './arrangement.ts';
import { layoutFor, layouts, MOST_TILES, tilesOf } from './layout.ts';
import { assetOfTile } from './shown-tile.ts';
import type { Shifts } from './tiles.svelte.ts';

const TOKEN = /^[A-Za-z0-9_-]{1,100}$/;
const SHIFT = /^-?\d{1,15}(?:\.\d{1,3})?$/;

/** What a link shows. */
export interface MultiLink extends Arrangement {
  /** Programme time, unix milliseconds; null for now. */
  readonly atMs: number | null;
  /** Playback tokens of streams that are not public, by stream. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Offsets of angles, by tile. */
  readonly shifts: Shifts;
  /** Id of a stored set of angles, whose tiles and offsets count where the link has none; null: no set. */
  readonly set: string | null;
}

/** Whether a text can be the name of a tile. */
function isTileName(name: string): boolean {
  const asset = assetOfTile(name);
  return asset === undefined ? isStreamName(name) : isAssetId(asset);
}

/** Parses a link. Invalid parts are ignored: an unknown layout is chosen by the number of streams. */
export function parseMultiLink(search: string): MultiLink {
  const query = new URLSearchParams(search);
  const names = (query.get('s') ?? '').split(',').filter(isTileName);
  const streams = [...new Set(names)].slice(0, MOST_TILES);
  // A `+` in a query is a space.
  const wanted = query.get('layout')?.replace(' ', '+');
  const layout = layouts.find((name) => name === wanted) ?? layoutFor(streams.length);
  const focus = Number(query.get('focus') ?? '0');
  const shown = Math.min(streams.length, tilesOf(layout));
  return {
    streams,
    layout,
    focus: Number.isInteger(focus) && focus > 0 && focus < shown ? focus : 0,
    atMs: readLinkTime(query).atMs,
    tokens: Object.fromEntries(
      query.getAll('token').flatMap((pair) => {
        const [name = '', token = ''] = pair.split(':');
        return streams.includes(name) && TOKEN.test(token) ? [[name, token]] : [];
      }),
    ),
    shifts: Object.fromEntries(
      query.getAll('offset').flatMap((pair) => {
        const at = pair.lastIndexOf(':'); // the name of a video has one too
        const [name, ms] = [pair.slice(0, Math.max(0, at)), pair.slice(at + 1)];
        return streams.includes(name) && SHIFT.test(ms) ? [[name, Number(ms)]] : [];
      }),
    ),
    set: isAssetId(query.get('set') ?? '') ? query.get('set') : null,
  };
}

/** Prints a link; defaults are left out. */
export function printMultiLink({ streams, layout, focus, atMs, tokens, shifts, set }: MultiLink): string {
  const parts = [...(set === null ? [] : [`set=${set}`]), `s=${streams.join(',')}`];
  if (layout !== layoutFor(streams.length)) parts.push(`layout=${encodeURIComponent(layout)}`);
  if (focus > 0) parts.push(`focus=${focus}`);
  if (atMs !== null) parts.push(`t=${Math.floor(atMs / 1000)}`);
  for (const name of streams) if (tokens[name]) parts.push(`token=${name}:${tokens[name]}`);
  for (const name of streams) {
    const shift = shifts[name];
    const ms = Math.round((shift ?? 0) * 1000) / 1000;
    // A member that was moved to 0 does not have the offset of the set.
    if (ms !== 0 || (set !== null && shift !== undefined)) parts.push(`offset=${name}:${ms}`);
  }
  return `/multi?${parts.join('&')}`;
}
