/**
 * Names of countries.
 * In: codes of ISO 3166-1. Out: names in the language of the reader. Pure.
 */

/** The name of a country; the code of one that is not known. */
export function countryName(code: string, locale: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  return new Intl.DisplayNames(locale, { type: 'region' }).of(code) ?? code;
}
