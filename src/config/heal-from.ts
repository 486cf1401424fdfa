/**
 * The addresses from which gaps of a stream's recording are filled.
 * In: text of files and of the API. Out: checked addresses; the type of the setting `healFrom`.
 */
import { FormatError } from '@oxbow/media/errors';
import { isRtspUrl, parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import { createOption, listKind, type Option } from './option.ts';

/** In place of addresses: gaps of the stream are not filled, also not from its own source. */
export const NOT_HEALED = 'off';
/** Most addresses of a stream. */
const MOST = 8;
const MAX_LENGTH = 2000;

/** @throws FormatError unless it is `off`, or an address of a playlist or of a camera's storage */
function checkItem(item: string): void {
  if (item === NOT_HEALED) return;
  if (isRtspUrl(item)) {
    parseRtspUrl(item);
    return;
  }
  const isAddress = /^(?:https?|onvifs?):\/\/[^/\s]+/i.test(item);
  if (isAddress && URL.canParse(item.replaceAll(/\{(?:from|to)\}/g, '0')) && item.length <= MAX_LENGTH) return;
  throw new FormatError(
    `a source of missing media is the address of an HLS playlist (http:// or https://), of the storage of a camera (onvif:// or rtsp://), at most ${MAX_LENGTH} characters, or off`,
    0,
  );
}

/** Checks addresses of the API. @throws FormatError */
export function readHealFrom(items: readonly string[]): readonly string[] {
  const trimmed = items.map((item) => item.trim()).filter((item) => item !== '');
  if (trimmed.length > MOST) throw new FormatError(`${trimmed.length} addresses are more than ${MOST}`, 0);
  for (const item of trimmed) checkItem(item);
  return trimmed;
}

/** A list, or text with commas. Addresses have secrets, and are never printed. */
export function healFrom(sentence: string): Option<readonly string[]> {
  const kind = listKind('URL,…', 'an address', checkItem);
  const print = (value: readonly string[]) => value.map((item) => (item === NOT_HEALED ? item : '***')).join(',');
  return { ...createOption({ ...kind, print }, '', sentence), secret: true };
}
