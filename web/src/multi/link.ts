/**
 * The link to several streams on one page, as `/multi?s=a,b&layout=2x2&focus=1&t=1795160123`; tokens are
 * `token=a:TOKEN`, one for each stream.
 * In: location.search. Out: what the page shows, and back. Pure.
 */
import { isStreamName } from '../../../src/api/stream/stream-name.ts';
import { readLinkTime } from '../routes.ts';
import type { Arrangement } from './arrangement.ts';
import { layoutFor, layouts, MOST_TILES, tilesOf } from './layout.ts';

const TOKEN = /^[A-Za-z0-9_-]{1,100}$/;

/** What a link shows. */
export interface MultiLink extends Arrangement {
  /** Programme time, unix milliseconds; null for now. */
  readonly atMs: number | null;
  /** Playback tokens of streams that are not public, by stream. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** Parses a link. Invalid parts are ignored: an unknown layout is chosen by the number of streams. */
export function parseMultiLink(search: string): MultiLink {
  const query = new URLSearchParams(search);
  const names = (query.get('s') ?? '').split(',').filter(isStreamName);
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
  };
}

/** Prints a link; defaults are left out. */
export function printMultiLink({ streams, layout, focus, atMs, tokens }: MultiLink): string {
  const parts = [`s=${streams.join(',')}`];
  if (layout !== layoutFor(streams.length)) parts.push(`layout=${encodeURIComponent(layout)}`);
  if (focus > 0) parts.push(`focus=${focus}`);
  if (atMs !== null) parts.push(`t=${Math.floor(atMs / 1000)}`);
  for (const name of streams) if (tokens[name]) parts.push(`token=${name}:${tokens[name]}`);
  return `/multi?${parts.join('&')}`;
}
