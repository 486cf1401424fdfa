/**
 * DEFAULT and FORCED of a subtitle rendition in a source's playlist, for which a track has no field. They are
 * stored as a comment in the WebVTT header of the track, so that every file has them.
 * In: traits, or a header. Out: a header, or its traits. Pure. RFC 8216bis 4.4.6.1; W3C WebVTT, 4.1 (NOTE).
 */
import type { TextTrack } from '../frame.ts';

/** The purpose of a rendition. */
interface TextTraits {
  readonly isDefault: boolean;
  readonly forced: boolean;
}

const NOTE = 'NOTE oxbow:';

/**
 * The configuration record of a text track.
 *
 * @param header begins with `WEBVTT`; styles and regions may follow
 */
export function printTextHeader(header: string, { isDefault, forced }: TextTraits): Uint8Array {
  const words = [...(isDefault ? ['default'] : []), ...(forced ? ['forced'] : [])];
  return new TextEncoder().encode(words.length === 0 ? header : `${header}\n\n${NOTE} ${words.join(' ')}`);
}

/** The header of a text track without our comment, and its traits. */
export function parseTextHeader({ config }: TextTrack): TextTraits & { readonly header: string } {
  const text = new TextDecoder().decode(new Uint8Array(config.record)).replaceAll('\r\n', '\n').trim();
  const blocks = text.split(/\n{2,}/);
  const words = new Set(
    blocks
      .find((block) => block.startsWith(NOTE))
      ?.slice(NOTE.length)
      .trim()
      .split(' '),
  );
  const header = blocks.filter((block) => !block.startsWith(NOTE)).join('\n\n');
  return {
    header: /^WEBVTT(?:$|[ \t\n])/.test(header) ? header : 'WEBVTT',
    isDefault: words.has('default'),
    forced: words.has('forced'),
  };
}
