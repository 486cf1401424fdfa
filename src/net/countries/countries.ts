/**
 * The countries of addresses, as far as they are known.
 * In: addresses as text. Out: codes of ISO 3166-1 alpha-2.
 */

/** Countries of addresses. */
export interface Countries {
  /** Code of the country of an IP address; undefined: unknown, or no address. */
  find(address: string): string | undefined;
  /** Another number after each change of what is known. */
  readonly revision: number;
}

/** Without a file no country is known. */
export const noCountries: Countries = { find: () => undefined, revision: 0 };
