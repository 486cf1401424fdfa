/**
 * The options of an embedded player: from the query of /embed/{stream}, or from the attributes of
 * <oxbow-player>.
 * In: text. Out: EmbedOptions. Pure.
 */
import { isStreamName } from '../../../src/api/stream/stream-name.ts';
import { isAssetId, readLinkTime } from '../routes.ts';
import type { TimeSpan } from '../time/span.ts';

/** What to play and how it looks. */
export interface EmbedOptions {
  readonly stream: string;
  /** Start of playback, unix milliseconds; null for now. */
  readonly atMs: number | null;
  /** Plays in a loop; null for none. */
  readonly span: TimeSpan | null;
  readonly muted: boolean;
  readonly autoplay: boolean;
  readonly controls: boolean;
}

/** Whether a switch is on: `?muted`, `?muted=1` and `muted=""` are on; `0` and `false` are off. */
export function isOn(value: string | null): boolean {
  return value !== null && value !== '0' && value !== 'false';
}

/**
 * Parses the address of an iframe. Controls are on unless `controls=0`; `muted` and `autoplay` are off by
 * default.
 *
 * @param pathname as `location.pathname`
 * @param search as `location.search`
 * @returns undefined if it has no stream
 */
export function readEmbedAddress(pathname: string, search: string): EmbedOptions | undefined {
  const [, first, stream = '', ...rest] = pathname.replace(/\/$/, '').split('/');
  if (first !== 'embed' || rest.length > 0 || !isStreamName(stream)) return undefined;
  const query = new URLSearchParams(search);
  const controls = query.get('controls');
  return {
    stream,
    ...readLinkTime(query),
    muted: isOn(query.get('muted')),
    autoplay: isOn(query.get('autoplay')),
    controls: controls === null || isOn(controls),
  };
}

/** The id in `/embed/asset/{id}`; undefined for other addresses. */
export function readEmbedAsset(pathname: string): string | undefined {
  const [, first, kind, id = '', ...rest] = pathname.replace(/\/$/, '').split('/');
  return first === 'embed' && kind === 'asset' && rest.length === 0 && isAssetId(id) ? id : undefined;
}

/**
 * Parses the attributes of an element. Controls are off by default, as with `<video>`.
 *
 * @param attribute null if it is absent
 * @returns undefined if they have no stream
 */
export function readEmbedAttributes(attribute: (name: string) => string | null): EmbedOptions | undefined {
  const stream = attribute('stream') ?? '';
  if (!isStreamName(stream)) return undefined;
  const when = new URLSearchParams();
  for (const name of ['t', 'from', 'to']) {
    const value = attribute(name);
    if (value !== null) when.set(name, value);
  }
  return {
    stream,
    ...readLinkTime(when),
    muted: attribute('muted') !== null,
    autoplay: attribute('autoplay') !== null,
    controls: attribute('controls') !== null,
  };
}
