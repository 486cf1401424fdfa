/**
 * Takes addresses below /live/{stream}/ apart.
 * In: path and query of a GET. Out: what is asked for. RFC 8216bis 6.2.5; MEDIA.md 14.
 */
import { OxbowError } from '../lib/errors.ts';

/** A stream's name, as a pattern. */
export const NAME = '[a-z0-9][a-z0-9_-]{0,63}';
/** A rendition's id, as a pattern. */
export const RENDITION = '[a-z0-9-]{1,32}';

const LIVE = new RegExp(
  `^/live/(${NAME})/(?:index\\.m3u8|(${RENDITION})/(?:g(\\d{1,15})\\.m3u8|init-(\\d{1,9})\\.mp4|(\\d{1,15})(?:\\.(\\d{1,5}))?\\.m4s))$`,
);

/** What a live address names: the multivariant playlist, or of a rendition a generation's list, an init section, a segment or a part. */
export type LiveAddress = { readonly name: string } & (
  | { readonly kind: 'index' }
  | { readonly kind: 'playlist'; readonly rendition: string; readonly generation: number }
  | { readonly kind: 'init'; readonly rendition: string; readonly init: number }
  | { readonly kind: 'segment'; readonly rendition: string; readonly msn: number }
  | { readonly kind: 'part'; readonly rendition: string; readonly msn: number; readonly part: number }
);

/** Parses the path of a live address; undefined where it is none. */
export function parseLiveAddress(path: string): LiveAddress | undefined {
  const found = LIVE.exec(path);
  if (!found) return undefined;
  const [, name = '', rendition, generation, init, msn, part] = found;
  if (rendition === undefined) return { kind: 'index', name };
  if (generation !== undefined) return { kind: 'playlist', name, rendition, generation: Number(generation) };
  if (init !== undefined) return { kind: 'init', name, rendition, init: Number(init) };
  if (part === undefined) return { kind: 'segment', name, rendition, msn: Number(msn) };
  return { kind: 'part', name, rendition, msn: Number(msn), part: Number(part) };
}

/** Directives of a playlist request (8216bis 6.2.5). */
export interface Directives {
  readonly msn?: number;
  readonly part?: number;
  readonly skip: boolean;
}

/**
 * Parses delivery directives; what else the query holds is not ours.
 *
 * @throws OxbowError `bad-request` where they are malformed
 */
export function parseDirectives(query: URLSearchParams): Directives {
  const whole = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    if (!/^\d{1,15}$/.test(text)) throw new OxbowError('bad-request', `${name} is not a whole number`);
    return Number(text);
  };
  const msn = whole('_HLS_msn');
  const part = whole('_HLS_part');
  if (part !== undefined && msn === undefined) throw new OxbowError('bad-request', '_HLS_part needs _HLS_msn');
  const skip = query.get('_HLS_skip');
  return {
    ...(msn !== undefined && { msn }),
    ...(part !== undefined && { part }),
    skip: skip === 'YES' || skip === 'v2',
  };
}
