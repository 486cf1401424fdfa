/**
 * Settings for listening: addresses, and ports with an optional address.
 * In: `127.0.0.1`, `8080`, `0.0.0.0:8080`, `[::1]:0`. Out: settings.
 */
import { isIP } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import { createOption, type Kind, listKind, type Option, type OptionExtras } from './option.ts';

/** Where one protocol listens. */
export interface Endpoint {
  /** IP address or host name; empty until `listen` is filled in. */
  readonly address: string;
  /** 0 to 65535; 0 picks a free port. */
  readonly port: number;
}

/**
 * Whether only this computer can reach the address.
 *
 * @param address IP address or host name
 */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/**
 * The endpoint as in a URL: IPv6 in brackets.
 *
 * @param endpoint with its address filled in
 */
export function printEndpoint({ address, port }: Endpoint): string {
  return `${printHost(address)}:${port}`;
}

/**
 * The address as in a URL: IPv6 in brackets.
 *
 * @param address IP address or host name
 */
export function printHost(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

function checkAddress(text: string): string {
  const isName = /^(?=.{1,253}$)[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*$/.test(text);
  if (isIP(text) === 0 && !isName)
    throw new FormatError(`"${text.slice(0, 64)}" is not an address; write 127.0.0.1, 0.0.0.0 or ::`, 0);
  return text;
}

/** The address of every port that does not set its own. */
export function listenAddress(defaultText: string, sentence: string, extras?: OptionExtras): Option<string> {
  const read = (value: unknown) => {
    const text = String(value);
    const [, host, port] = /^(\[.*\]|[^:]+):(\d{1,5})$/.exec(text) ?? [];
    if (port !== undefined)
      throw new FormatError(`"${text.slice(0, 64)}" has a port; write ${host}, and set \`http\` to ${port}`, 0);
    return checkAddress(text.replace(/^\[(.*)\]$/, '$1'));
  };
  const kind = { placeholder: 'ADDR', json: { type: 'string' }, read, print: (value: string) => value };
  return createOption(kind, defaultText, sentence, extras);
}

/**
 * Reads `[ADDR:]PORT`.
 *
 * @throws FormatError for any other text
 */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535)
    throw new FormatError(`"${text.slice(0, 64)}" is not a port; write 8080, 0.0.0.0:8080 or 0 for a free one`, 0);
  const address = (match[1] ?? '').replace(/^\[(.*)\]$/, '$1');
  return { address: address === '' ? '' : checkAddress(address), port };
}

/** A port with an optional address. */
export function endpoint(defaultText: string, sentence: string, extras?: OptionExtras): Option<Endpoint> {
  const kind: Kind<Endpoint> = {
    placeholder: '[ADDR:]PORT',
    json: { type: ['string', 'integer'] },
    read: (value) => parseEndpoint(String(value)),
    print: (value) => (value.address === '' ? String(value.port) : printEndpoint(value)),
  };
  return createOption(kind, defaultText, sentence, extras);
}

/** A port with an optional address, or `off`. */
export function optionalEndpoint(
  defaultText: string,
  sentence: string,
  extras?: OptionExtras,
): Option<Endpoint | 'off'> {
  const kind: Kind<Endpoint | 'off'> = {
    placeholder: '[ADDR:]PORT|off',
    json: { type: ['string', 'integer', 'boolean'] },
    read: (value) => (value === 'off' || value === false ? 'off' : parseEndpoint(String(value))),
    print: (value) => (value === 'off' ? 'off' : value.address === '' ? String(value.port) : printEndpoint(value)),
  };
  return createOption(kind, defaultText, sentence, extras);
}

/** IP addresses: a list, or text with commas. */
export function ipAddresses(sentence: string, extras?: OptionExtras): Option<readonly string[]> {
  return createOption(listKind('IP,…', 'an IP address', checkIp), '', sentence, extras);
}

function checkIp(item: string): void {
  if (isIP(item) === 0) throw new FormatError(`"${item.slice(0, 64)}" is not an IP address`, 0);
}
