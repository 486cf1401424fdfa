/**
 * Addresses of relay targets.
 * In: URLs of administrators. Out: their parts, and a form without secrets for people and logs.
 * docs/3-publish/relay.md.
 */

import type { SrtKeyLength } from '@oxbow/wire/srt/srt';
import { parseWebRtcUrl, type WebRtcAddress } from '../../config/webrtc-url.ts';
import { OxbowError } from '../../lib/errors.ts';

const MAX_URL = 2048;
const DEFAULT_PORTS = { rtmp: 1935, rtmps: 443, srt: 8890 } as const;
const MAX_STREAM_ID_BYTES = 512;
const SRT_PARAMETERS = [
  'mode',
  'streamid',
  'passphrase',
  'pbkeylen',
  'latency',
  'transtype',
  'pkt_size',
  'connect_timeout',
];

type RelayProtocol = 'rtmp' | 'rtmps' | 'srt' | 'whip';

export interface RelayTarget {
  /** As configured: has secrets. */
  readonly url: string;
  readonly protocol: RelayProtocol;
  /** Without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** For people and logs: without stream key, stream id, passphrase, user name and query. */
  readonly shown: string;
  /** Names of streams that the address may mean on an oxbow server: for the detection of loops. */
  readonly names: readonly string[];
  readonly srt: SrtTarget | undefined;
  /** Of WHIP: where the offer is sent. */
  readonly whip: WebRtcAddress | undefined;
}

/** Parameters of an SRT target. */
interface SrtTarget {
  readonly streamId: string;
  readonly passphrase: string | undefined;
  readonly keyLength: SrtKeyLength | undefined;
  /** Ms; undefined: 120. */
  readonly latencyMs: number | undefined;
}

/**
 * Parses the address of a target.
 *
 * @throws OxbowError `bad-request` that names the fault, without the address
 */
export function parseRelayTarget(text: string): RelayTarget {
  const url = text.length <= MAX_URL && !/\s/.test(text) ? URL.parse(text) : null;
  if (url && /^(?:whip\+https?|https):$/.test(url.protocol)) return parseWhip(text);
  const protocol = url?.protocol.slice(0, -1);
  if (!url || (protocol !== 'rtmp' && protocol !== 'rtmps' && protocol !== 'srt')) {
    throw refused(
      'A relay target is an address like rtmp://HOST/APP/KEY, rtmps://HOST/APP/KEY, srt://HOST:PORT or whip+https://HOST/PATH.',
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw refused('The address of a relay target needs a host.');
  if (protocol === 'srt' && url.port === '') throw refused('The address of an SRT target needs a port.');
  const port = url.port === '' ? DEFAULT_PORTS[protocol] : Number(url.port);
  if (port === 0) throw refused('0 is not a port.');
  const base = { url: text, protocol, host, port, whip: undefined } as const;
  if (protocol !== 'srt') return { ...base, ...parseRtmp(url), srt: undefined };
  const srt = parseSrt(url);
  const shown = `srt://${url.host}${srt.streamId === '' ? '' : '?streamid=…'}`;
  return { ...base, shown, names: namesOf(srt.streamId), srt };
}

/** WHIP is HTTP: an address without `whip+` is taken too, as services print it. */
function parseWhip(text: string): RelayTarget {
  const whip = parseWebRtcUrl(text);
  if (!whip) throw refused('A WHIP address is whip+https://HOST/PATH, perhaps with ?key=KEY; it has no user name.');
  const { url, host, port } = whip;
  const name = /\/whip\/([^/]+)\/?$/.exec(url.pathname)?.[1];
  return {
    url: text,
    protocol: 'whip',
    host,
    port,
    srt: undefined,
    whip,
    shown: `whip+${url.protocol}//${url.host}/…`,
    names: name === undefined ? [] : [decoded(name)],
  };
}

function parseRtmp(url: URL): Pick<RelayTarget, 'shown' | 'names'> {
  const at = url.pathname.lastIndexOf('/');
  if (at < 1 || at === url.pathname.length - 1) throw refused('An RTMP address is rtmp://HOST/APP/KEY.');
  return {
    shown: `${url.protocol}//${url.host}${url.pathname.slice(0, at)}/…`,
    names: namesOf(decoded(url.pathname.slice(at + 1))),
  };
}

function parseSrt(url: URL): SrtTarget {
  const query = url.searchParams;
  const unknown = [...query.keys()].find((key) => !SRT_PARAMETERS.includes(key));
  if (unknown !== undefined) throw refused(`An SRT target has no parameter "${unknown.slice(0, 40)}".`);
  const mode = query.get('mode') ?? 'caller';
  if (mode !== 'caller') throw refused(`A relay calls its target: mode=${mode.slice(0, 20)} is not supported.`);
  const streamId = query.get('streamid') ?? '';
  if (Buffer.byteLength(streamId) > MAX_STREAM_ID_BYTES) throw refused('A stream id has at most 512 bytes.');
  const passphrase = query.get('passphrase') ?? undefined;
  const bytes = Buffer.byteLength(passphrase ?? '');
  if (passphrase !== undefined && (bytes < 10 || bytes > 80)) throw refused('A passphrase has 10 to 80 bytes.');
  const keyLength = numberOf(query, 'pbkeylen', 0, 32);
  if (keyLength !== undefined && ![0, 16, 24, 32].includes(keyLength)) throw refused('`pbkeylen` is 16, 24 or 32.');
  const latencyMs = numberOf(query, 'latency', 0, 65_535);
  return { streamId, passphrase, keyLength: (keyLength || undefined) as SrtKeyLength | undefined, latencyMs };
}

function numberOf(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  if (value < least || value > most) throw refused(`\`${name}\` is a number from ${least} to ${most}.`);
  return value;
}

/** `NAME`, `publish:NAME:KEY`, `#!::r=NAME,…`. */
function namesOf(text: string): string[] {
  const names = text.startsWith('#!::') ? [/[:,]r=([^,]*)/.exec(text)?.[1] ?? ''] : text.split(':').slice(0, 2);
  return names.filter((name) => name !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refused(detail: string): OxbowError {
  return new OxbowError('bad-request', detail);
}
