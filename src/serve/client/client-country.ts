/**
 * The country of a client: as a trusted proxy reports it in a header field, otherwise by the file of
 * countries.
 * In: requests. Out: the code of a country; undefined if it is unknown. The field of a client that no proxy
 * has sent is never read. ISO 3166-1.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { isCountryCode } from '../../api/access/country-codes.ts';
import type { ServeDeps } from '../deps.ts';
import type { RequestSource } from '../exchange/request-source.ts';
import { createAddressOf, createProxyCheck } from './client-address.ts';

/** Returns the country of a request's client. */
export type CountryOf = (request: RequestSource) => string | undefined;

/**
 * Creates a function that returns the country of a request's client, also if another node has passed it on.
 *
 * @param trusted networks and addresses of proxies; those of this computer are always trusted
 * @param field name of the header field in lower case; empty: no country is known
 */
export function createCountryOf(trusted: readonly string[], field: string): CountryOf {
  if (field === '') return () => undefined;
  const isProxy = createProxyCheck(trusted);
  return ({ headers, remoteAddress, sender }) =>
    sender || isProxy(remoteAddress) ? countryIn(headers, field) : undefined;
}

/**
 * The same, with the file of countries for clients whose country no proxy reports. The field is first: a CDN
 * knows its clients, and sees them where this server sees only a proxy of theirs.
 */
export function createClientCountry({
  trustedProxies = [],
  countryHeader = '',
  countries,
}: Pick<ServeDeps, 'trustedProxies' | 'countryHeader' | 'countries'>): CountryOf {
  const reported = createCountryOf(trustedProxies, countryHeader);
  if (!countries) return reported;
  const addressOf = createAddressOf(trustedProxies);
  return (request) => reported(request) ?? countries.find(addressOf(request));
}

/** The field for the hot responder, whose requests have lists of names and values. */
export function createHotCountryOf(
  trusted: readonly string[],
  field: string,
): (headers: { readonly rawHeaders: readonly string[] }, socket: Pick<Socket, 'remoteAddress'>) => string | undefined {
  if (field === '') return () => undefined;
  const isProxy = createProxyCheck(trusted);
  return ({ rawHeaders }, { remoteAddress = '' }) => {
    if (!isProxy(remoteAddress)) return undefined;
    // The same field twice is what node:http joins: several values.
    const values = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === field);
    return countryIn({ [field]: values.join(', ') }, field);
  };
}

/** The code in a field; undefined for other text, such as `XX` and `T1` of proxies that do not know it. */
export function countryIn(headers: IncomingHttpHeaders, field: string): string | undefined {
  const value = headers[field];
  const code = typeof value === 'string' ? value.trim().toUpperCase() : '';
  return isCountryCode(code) ? code : undefined;
}

/** Header fields for the next server. @param country undefined: it is unknown */
export function countryFields(field: string, country: string | undefined): Readonly<Record<string, string>> {
  return field === '' || country === undefined ? {} : { [field]: country };
}
