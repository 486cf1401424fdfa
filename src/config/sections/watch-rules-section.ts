/**
 * The settings of rules by network and country that decide who may watch, parts of the table of all settings.
 * In: text of files, flags and the API. Out: checked lists; the section `watchRules` for schema.ts. Every
 * type throws FormatError for an invalid value.
 */
import { FormatError } from '@oxbow/media/errors';
import { isCountryCode } from '../../api/access/country-codes.ts';
import { MAX_WATCH_ENTRIES, type WatchRuleLists, type WatchRuleSettings } from '../../api/access/watch-rules-shapes.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import {
  checkNetwork,
  createOption,
  listKind,
  type Option,
  type OptionExtras,
  section,
  text,
  textOf,
} from '../option.ts';

const kind = listKind('NETWORK|COUNTRY,…', 'a network or a country', checkEntry);

/** Networks, addresses and codes of countries: a list, or text with commas. Codes in any case. */
function watchEntries(sentence: string, extras?: OptionExtras): Option<readonly string[]> {
  return createOption({ ...kind, read: readEntries }, '', sentence, extras);
}

/**
 * The lists of a request.
 *
 * @returns undefined if both are empty
 * @throws FormatError for an invalid entry, or too many of them
 */
export function readWatchRules({ allow = [], deny = [] }: WatchRuleSettings): WatchRuleLists | undefined {
  return listsOf(readEntries(allow), readEntries(deny));
}

/**
 * The same, for requests about assets and rooms.
 *
 * @param settings null: none
 * @throws OxbowError `bad-request`
 */
export function readRules(settings: WatchRuleSettings | null): WatchRuleLists | undefined {
  try {
    return readWatchRules(settings ?? {});
  } catch (error) {
    if (error instanceof FormatError) throw new OxbowError('bad-request', sentenceOf(error), { cause: error });
    throw error;
  }
}

/** @returns undefined if both are empty */
export function listsOf(allow: readonly string[], deny: readonly string[]): WatchRuleLists | undefined {
  return allow.length + deny.length === 0 ? undefined : { allow: [...allow], deny: [...deny] };
}

function readEntries(value: unknown): readonly string[] {
  const entries = kind.read(value).map((entry) => (entry.length === 2 ? entry.toUpperCase() : entry));
  if (entries.length <= MAX_WATCH_ENTRIES) return entries;
  throw new FormatError(`there are ${entries.length} entries; use at most ${MAX_WATCH_ENTRIES}`, 0);
}

function checkEntry(item: string): void {
  if (/^[a-z]{2}$/i.test(item)) checkCountry(item);
  else checkNetwork(item);
}

function checkCountry(item: string): void {
  if (isCountryCode(item.toUpperCase())) return;
  const shown = item.slice(0, 80);
  throw new FormatError(
    `"${shown}" is not the code of a country (ISO 3166-1); write DE, or GB for the United Kingdom`,
    0,
  );
}

const countryKind = listKind('COUNTRY,…', 'a country', checkCountry);

/** Codes of countries, in any case: a list, or text with commas. */
export function countries(sentence: string): Option<readonly string[]> {
  const read = (value: unknown) => countryKind.read(value).map((code) => code.toUpperCase());
  return createOption({ ...countryKind, read }, '', sentence);
}

/** Name of a header field. It contains `country`, so that edges know which fields they must not pass on. */
function countryHeader(sentence: string, extras?: OptionExtras): Option<string> {
  const pattern = '^([A-Za-z0-9-]*[Cc][Oo][Uu][Nn][Tt][Rr][Yy][A-Za-z0-9-]*)?$';
  const read = (value: unknown): string => {
    const name = textOf(value, 'the name of a header field');
    if (isCountryHeader(name) || name === '') return name.toLowerCase();
    throw new FormatError(
      `"${name.slice(0, 80)}" is not the name of a header field with "country" in it, such as CF-IPCountry`,
      0,
    );
  };
  const json = { type: 'string', pattern };
  return createOption({ placeholder: 'NAME', json, read, print: (value) => value }, '', sentence, extras);
}

/** Whether a header field may be the one with the country of a client. */
export function isCountryHeader(name: string): boolean {
  return name.length <= 64 && /^[a-z0-9-]*country[a-z0-9-]*$/i.test(name);
}

export const watchRulesSection = section({
  allow: watchEntries(
    'Networks (`10.0.0.0/8`), addresses and countries (`DE`) that may watch streams and assets and enter rooms which set no rules themselves. Default: all.',
    { reload: 'live' },
  ),
  deny: watchEntries('Those that may not; stronger than `watchRules.allow`.', { reload: 'live' }),
  countryHeader: countryHeader(
    'Header field in which trusted proxies report the country of a client, such as `CF-IPCountry`; its name contains `country`. Default: none.',
  ),
  countryFile: text(
    '',
    'File with the countries of addresses in the MaxMind DB format (.mmdb), read again when it changes; for clients whose country no proxy reports. Default: none.',
    { placeholder: 'FILE', maxLength: 1000 },
  ),
});

export const streamRulesSection = section({
  allow: watchEntries(
    'Networks (`10.0.0.0/8`), addresses and countries (`DE`) that may watch the stream. Default: all. A stream with `allow` or `deny` has none of the rules of the server.',
  ),
  deny: watchEntries('Those that may not watch it; stronger than `allow`.'),
});
