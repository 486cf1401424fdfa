/**
 * Parses the address of a camera whose storage oxbow reads:
 * `onvif://user:password@HOST:80/path?recording=R1`.
 * In: text of settings and the API. Out: its parts. ONVIF Core 5.1.1 (device service).
 */
import { FormatError } from '@oxbow/media/errors';

const EXAMPLE = 'onvif://USER:PASSWORD@HOST';
const DEFAULT_PATH = '/onvif/device_service';
const MAX_LENGTH = 4096;

/** A camera or network video recorder. */
export interface OnvifAddress {
  /** Of the device service, without user name and password. */
  readonly device: URL;
  /** Decoded; empty without one. */
  readonly user: string;
  readonly password: string;
  /** Token of the recording; undefined: the only one that covers the time. */
  readonly recording: string | undefined;
}

/** Whether a text is such an address: `onvif:`, or `onvifs:` over TLS. */
export function isOnvifUrl(text: string): boolean {
  return /^onvifs?:\/\//i.test(text.trim());
}

/** Parses the address. Messages do not contain it, because it may have secrets. @throws FormatError */
export function parseOnvifUrl(address: string): OnvifAddress {
  const text = address.trim();
  if (text.length > MAX_LENGTH) throw new FormatError(`the address is longer than ${MAX_LENGTH} characters`, 0);
  const url = isOnvifUrl(text) ? URL.parse(text.replace(/^onvif/i, 'http')) : null;
  if (!url || url.hostname === '') {
    throw new FormatError(
      `the address of a camera is ${EXAMPLE}; write # / ? @ % in a password as %23 %2F %3F %40 %25`,
      0,
    );
  }
  const device = new URL(url.href);
  device.username = '';
  device.password = '';
  device.search = '';
  device.hash = '';
  if (device.pathname === '/') device.pathname = DEFAULT_PATH;
  return {
    device,
    user: decoded(url.username),
    password: decoded(url.password),
    recording: url.searchParams.get('recording') ?? undefined,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}
