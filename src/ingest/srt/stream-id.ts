/**
 * Parses the stream id of an SRT caller: what it wants to do, with which stream, and its key.
 * In: the text of the handshake, up to 512 bytes. Out: a request, or the reason of a rejection. Pure.
 * The access control guidelines of libsrt (`#!::`); the plain form `publish:NAME:KEY` is that of other media
 * servers.
 */
import type { SrtRejectReason } from '@oxbow/wire/srt/rejection';

/** What a caller requests, not validated further. */
export type StreamIdRequest =
  | {
      readonly mode: 'publish';
      /** Name of the stream; undefined if the caller sent only a key. */
      readonly name: string | undefined;
      /** Stream key; undefined if it sent none. */
      readonly key: string | undefined;
      /** Name of the user or the program; undefined if it sent none. */
      readonly user?: string | undefined;
    }
  | {
      readonly mode: 'request';
      readonly name: string;
      /** Playback token; undefined if it sent none. */
      readonly token: string | undefined;
      readonly user?: string | undefined;
    };

/** A stream id that cannot be accepted. */
interface StreamIdRefusal {
  readonly reject: SrtRejectReason;
  /** For the log: what is wrong and what to write. */
  readonly why: string;
}

const STANDARD = '#!::';
const EXAMPLE = 'publish:NAME:KEY or request:NAME';
/** A stream key as it is created by oxbow. */
const KEY_ALONE = /^ok_[A-Za-z0-9_-]+$/;

export function parseStreamId(text: string): StreamIdRequest | StreamIdRefusal {
  if (text === '') return refused('bad-request', `the stream id is missing; write ${EXAMPLE}`);
  if (hasControlCharacter(text)) return refused('bad-request', 'the stream id has a control character');
  if (text.startsWith(STANDARD)) return parseStandard(text.slice(STANDARD.length));
  if (text.startsWith('#!'))
    return refused('bad-request', `the form "${text.slice(0, 4)}" is not supported; write #!::`);
  return parsePlain(text);
}

/**
 * `publish:NAME`, `publish:NAME:KEY`, `publish:NAME?key=KEY`, `request:NAME`, `request:NAME:TOKEN`, a key
 * alone.
 */
function parsePlain(text: string): StreamIdRequest | StreamIdRefusal {
  if (KEY_ALONE.test(text)) return { mode: 'publish', name: undefined, key: text };
  const at = text.indexOf(':');
  const mode = modeOf(at < 0 ? '' : text.slice(0, at));
  if (mode === undefined)
    return refused('bad-request', `the stream id does not begin with publish: or request:; write ${EXAMPLE}`);
  const resource = text.slice(at + 1);
  const [path = '', query] = splitAt(resource, '?');
  const [name = '', secret] = splitAt(path, ':');
  const parameters = new URLSearchParams(query ?? '');
  const key = secret ?? parameters.get('key') ?? parameters.get('token') ?? undefined;
  return requestOf(mode, name, key, undefined);
}

/** `r=NAME,m=publish,s=KEY,u=USER`: pairs in any order; unknown keys are ignored. */
function parseStandard(text: string): StreamIdRequest | StreamIdRefusal {
  const pairs = new Map<string, string>();
  for (const pair of text.split(',')) {
    if (pair === '') continue;
    const [key = '', value] = splitAt(pair, '=');
    if (value === undefined || key === '') return refused('bad-request', `"${pair.slice(0, 20)}" is not key=value`);
    if (pairs.has(key)) return refused('bad-request', `the key "${key.slice(0, 20)}" comes twice`);
    pairs.set(key, value);
  }
  const type = pairs.get('t') ?? 'stream';
  if (type !== 'stream') return refused('bad-mode', `t=${type.slice(0, 15)} is not supported; oxbow has t=stream`);
  const mode = modeOf(pairs.get('m') ?? 'request');
  if (mode === undefined) {
    return refused('bad-mode', `m=${pairs.get('m')?.slice(0, 15)} is not supported; write m=publish or m=request`);
  }
  return requestOf(mode, pairs.get('r') ?? '', pairs.get('s'), pairs.get('u'));
}

function requestOf(
  mode: StreamIdRequest['mode'],
  path: string,
  secret: string | undefined,
  user: string | undefined,
): StreamIdRequest | StreamIdRefusal {
  const name = path.replace(/^\/+/, '');
  const key = secret === '' ? undefined : secret;
  const by = user === undefined || user === '' ? {} : { user };
  if (mode === 'publish') return { mode, name: name === '' ? undefined : name, key, ...by };
  if (name === '') return refused('bad-request', 'the name of the stream is missing');
  return { mode, name, token: key, ...by };
}

function modeOf(text: string): StreamIdRequest['mode'] | undefined {
  if (text === 'publish') return 'publish';
  return text === 'request' || text === 'read' ? 'request' : undefined;
}

/** The text before the first separator and the one after it, which is undefined without a separator. */
function splitAt(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) === 0x7f) return true;
  return false;
}

function refused(reject: SrtRejectReason, why: string): StreamIdRefusal {
  return { reject, why };
}
