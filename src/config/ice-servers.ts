/**
 * Settings of the STUN and TURN servers that clients of WebRTC may use.
 * In: URLs, an account. Out: settings. RFC 7064 (stun), RFC 7065 (turn).
 */
import { FormatError } from '@oxbow/media/errors';
import { createOption, listKind, type Option, type OptionExtras } from './option.ts';

/** `stun:HOST`, `turn:HOST:PORT?transport=tcp`, `turns:…`; an IPv6 address in brackets. */
const URL_FORM = /^(?:stuns?:(?<stun>[^?]+)|turns?:(?<turn>[^?]+)(?:\?transport=(?:udp|tcp))?)$/;
const HOST_FORM = /^(?:[a-z\d](?:[a-z\d.-]{0,252})|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** URLs of STUN and TURN servers: a list, or text with commas. */
export function iceServers(sentence: string, extras?: OptionExtras): Option<readonly string[]> {
  return createOption(listKind('URL,…', 'an address', checkUrl), '', sentence, extras);
}

/** A user name as TURN servers and header fields take it. */
export function turnUser(sentence: string, extras?: OptionExtras): Option<string> {
  const kind = { placeholder: 'NAME', json: { type: 'string' }, read: headerText, print: (value: string) => value };
  return createOption(kind, '', sentence, extras);
}

/** A password that is never printed. */
export function turnPassword(sentence: string, extras?: OptionExtras): Option<string> {
  const print = (value: string) => (value === '' ? '' : '***');
  const kind = { placeholder: 'SECRET', json: { type: 'string' }, read: headerText, print };
  return { ...createOption(kind, '', sentence, extras), secret: true };
}

function headerText(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  if (/^[\x21\x23-\x5b\x5d-\x7e]{0,200}$/.test(text)) return text;
  throw new FormatError('it is at most 200 characters of ASCII without spaces, quotation marks and backslashes', 0);
}

function checkUrl(item: string): void {
  const { stun, turn } = URL_FORM.exec(item)?.groups ?? {};
  if (HOST_FORM.test(stun ?? turn ?? '')) return;
  throw new FormatError(
    'a server is stun:HOST, turn:HOST or turns:HOST, with a port and for TURN with ?transport=udp or ?transport=tcp where needed',
    0,
  );
}
