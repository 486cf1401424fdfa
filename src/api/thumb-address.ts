/**
 * The addresses of pictures of a recording, below /thumb/: a part of the media addresses.
 * In: paths. Out: addresses, and back. Pure.
 */
import { isStreamName } from './stream/stream-name.ts';

/**
 * A picture of an instant, full-size or stored small, or the list of the small pictures of a range; `to` may
 * be a duration.
 */
export type ThumbAddress =
  | { readonly kind: 'still' | 'small-still'; readonly stream: string; readonly at: string }
  | { readonly kind: 'storyboard'; readonly stream: string; readonly from: string; readonly to: string };

const MAX_TIME_LENGTH = 64;

/** Whether a piece of a path may be an instant or a duration; its value is parsed later. */
export function isTime(text: string): boolean {
  return text.length > 0 && text.length <= MAX_TIME_LENGTH;
}

/**
 * Parses a path.
 *
 * @param path begins with /thumb/, percent-encoded
 * @returns undefined for what names nothing there
 */
export function parseThumbAddress(path: string): ThumbAddress | undefined {
  const [stream = '', ...pieces] = path.slice(7).split('/');
  if (!isStreamName(stream)) return undefined;
  const [from = '', to = '', list] = pieces;
  if (pieces.length === 3 && list === 'storyboard.vtt') {
    return isTime(from) && isTime(to) ? { kind: 'storyboard', stream, from, to } : undefined;
  }
  const isSmall = pieces.length === 2 && from === 'small';
  const file = isSmall ? to : from;
  const at = file.slice(0, -4);
  if ((!isSmall && pieces.length !== 1) || !file.endsWith('.jpg') || !isTime(at)) return undefined;
  return { kind: isSmall ? 'small-still' : 'still', stream, at };
}

/** Prints the path of an address. */
export function printThumbAddress(address: ThumbAddress): string {
  switch (address.kind) {
    case 'still':
      return `/thumb/${address.stream}/${address.at}.jpg`;
    case 'small-still':
      return `/thumb/${address.stream}/small/${address.at}.jpg`;
    case 'storyboard':
      return `/thumb/${address.stream}/${address.from}/${address.to}/storyboard.vtt`;
  }
}
