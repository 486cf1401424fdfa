/**
 * Parses the address of an SRT listener from which oxbow pulls:
 * `srt://HOST:PORT?streamid=…&passphrase=…&latency=…`.
 * In: text of settings and the API. Out: its parts. The parameters are those of srt-live-transmit and ffmpeg.
 */
import { FormatError } from '@oxbow/media/errors';
import { programOf } from './udp-url.ts';

const EXAMPLE = 'srt://HOST:PORT?streamid=TEXT&passphrase=TEXT&latency=MS';
const MAX_STREAM_ID_BYTES = 512;
const MAX_LATENCY_MS = 65_535;
/** Parameters of ffmpeg and srt-live-transmit that have no meaning here. */
const IGNORED: ReadonlySet<string> = new Set([
  ...[
    'transtype',
    'pkt_size',
    'payload_size',
    'timeout',
    'connect_timeout',
    'maxbw',
    'inputbw',
    'oheadbw',
    'tlpktdrop',
  ],
  ...['rcvbuf', 'sndbuf', 'ffs', 'ipttl', 'iptos', 'rcvlatency', 'peerlatency', 'smoother', 'messageapi'],
]);

/** Where oxbow calls. */
export interface SrtAddress {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Empty if the listener needs none. */
  readonly streamId: string;
  readonly passphrase: string | undefined;
  /** Length of the AES key, bytes; undefined: 16. */
  readonly keyLength: 16 | 24 | 32 | undefined;
  /** Undefined: the setting `srtLatency`. */
  readonly latencyMs: number | undefined;
  /** Number of the program; undefined: the first with media. */
  readonly program: number | undefined;
}

/** Whether a text is the address of an SRT listener. */
export function isSrtUrl(text: string): boolean {
  return text.trim().toLowerCase().startsWith('srt://');
}

/**
 * Parses the address. Messages do not contain it, because it may have secrets.
 *
 * @throws FormatError for another form, a missing port, an unknown parameter, or a mode other than `caller`
 */
export function parseSrtUrl(text: string): SrtAddress {
  const url = URL.parse(text.trim());
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? '';
  if (!url || host === '' || url.port === '' || url.port === '0') {
    throw new FormatError(`an SRT source needs a host and a port; write ${EXAMPLE}`, 0);
  }
  const address: { -readonly [field in keyof SrtAddress]: SrtAddress[field] } = {
    host,
    port: Number(url.port),
    streamId: '',
    passphrase: undefined,
    keyLength: undefined,
    latencyMs: undefined,
    program: undefined,
  };
  for (const [name, value] of url.searchParams) {
    if (name === 'streamid') address.streamId = streamIdOf(value);
    else if (name === 'passphrase') address.passphrase = passphraseOf(value);
    else if (name === 'pbkeylen') address.keyLength = keyLengthOf(value);
    else if (name === 'latency') address.latencyMs = latencyOf(value);
    else if (name === 'program') address.program = programOf(value);
    else if (name === 'mode') assertCaller(value);
    else if (!IGNORED.has(name)) {
      throw new FormatError(`unknown parameter "${name.slice(0, 40)}"; SRT sources are ${EXAMPLE}`, 0);
    }
  }
  return address;
}

/**
 * Checks a passphrase.
 *
 * @returns the text; undefined for the empty text
 * @throws FormatError
 */
export function passphraseOf(text: string): string | undefined {
  if (text === '') return undefined;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes < 10 || bytes > 79) throw new FormatError(`the passphrase has ${bytes} bytes; SRT wants 10 to 79`, 0);
  return text;
}

function streamIdOf(text: string): string {
  if (new TextEncoder().encode(text).length <= MAX_STREAM_ID_BYTES) return text;
  throw new FormatError(`the stream id has more than ${MAX_STREAM_ID_BYTES} bytes`, 0);
}

function keyLengthOf(text: string): SrtAddress['keyLength'] {
  if (text === '0') return undefined;
  const bytes = Number(text);
  if (bytes === 16 || bytes === 24 || bytes === 32) return bytes;
  throw new FormatError(`pbkeylen is 16, 24 or 32, not "${text.slice(0, 20)}"`, 0);
}

/** Milliseconds; a number that is too large for them is in microseconds, as in addresses for ffmpeg. */
function latencyOf(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  const ms = value > MAX_LATENCY_MS ? Math.round(value / 1000) : value;
  if (ms >= 0 && ms <= MAX_LATENCY_MS) return ms;
  throw new FormatError(`latency is milliseconds from 0 to ${MAX_LATENCY_MS}, not "${text.slice(0, 20)}"`, 0);
}

function assertCaller(mode: string): void {
  if (mode === 'caller') return;
  const hint = mode === 'listener' ? '; to receive callers, use a stream of type push' : '';
  throw new FormatError(`mode=${mode.slice(0, 20)} is not supported: oxbow calls the address${hint}`, 0);
}
