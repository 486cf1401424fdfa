/**
 * The User-Agent that a source is shown.
 * In: what a person set: a text, or the word of a preset. Out: the header's value. RFC 9110, 10.1.5.
 */
import { FormatError } from './errors.ts';

/** Words that stand for a longer text. */
export const userAgentPresets: ReadonlyMap<string, string> = new Map([
  ['vsr', 'iptv/1.0'], // what video-stream-recorder sent: some providers let only such players in
  ['vlc', 'VLC/3.0.21 LibVLC/3.0.21'],
  [
    'browser',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  ],
]);

const MAX_LENGTH = 1000;

/**
 * The value to send.
 *
 * @returns '' for the empty text: oxbow's own
 * @throws FormatError when it is too long or holds a character that no header may hold
 */
export function parseUserAgent(text: string): string {
  const value = text.trim();
  const preset = userAgentPresets.get(value.toLowerCase());
  if (preset !== undefined) return preset;
  if (value.length > MAX_LENGTH) throw new FormatError(`a User-Agent has at most ${MAX_LENGTH} characters`, MAX_LENGTH);
  if (!/^[\x20-\x7e]*$/.test(value)) throw new FormatError('a User-Agent holds only printable ASCII', 0);
  return value;
}
