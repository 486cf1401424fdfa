/**
 * The User-Agent for requests to a source.
 * In: a setting: a text, or the name of a preset. Out: the header's value. RFC 9110, 10.1.5.
 */
import { FormatError } from '@oxbow/media/errors';

export const userAgentPresets: ReadonlyMap<string, string> = new Map([
  ['vsr', 'iptv/1.0'], // sent by video-stream-recorder: some providers accept only such players
  ['vlc', 'VLC/3.0.21 LibVLC/3.0.21'],
  [
    'browser',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  ],
]);

const MAX_LENGTH = 1000;

/**
 * The value of the header.
 *
 * @returns '' for the empty text: oxbow's own
 * @throws FormatError if it is too long or has a character not allowed in a header
 */
export function parseUserAgent(text: string): string {
  const value = text.trim();
  const preset = userAgentPresets.get(value.toLowerCase());
  if (preset !== undefined) return preset;
  if (value.length > MAX_LENGTH) throw new FormatError(`a User-Agent has at most ${MAX_LENGTH} characters`, MAX_LENGTH);
  if (!/^[\x20-\x7e]*$/.test(value)) throw new FormatError('a User-Agent holds only printable ASCII', 0);
  return value;
}
