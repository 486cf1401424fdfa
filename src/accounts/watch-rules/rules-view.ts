/**
 * Answers whether a client at some address would be allowed to watch a stream or an asset, or to enter a
 * room.
 * In: lists of rules, an address and a country. Out: the JSON of api/access. Pure.
 */
import { isCountryCode } from '../../api/access/country-codes.ts';
import type { WatchAccessView, WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Countries } from '../../net/countries/countries.ts';
import { parseClientIp } from './networks.ts';
import { rulesOfLists } from './watch-rules.ts';

/** As in a query. */
export interface AskedClient {
  readonly address: string;
  /** In any case; undefined: as the file of countries says. */
  readonly country?: string | undefined;
}

/** The rules of one thing. */
interface RulesInQuestion {
  /** Its own; undefined: those of the server are in force. */
  readonly own: WatchRuleLists | undefined;
  /** The setting `watchRules`. */
  readonly byDefault: WatchRuleLists;
  readonly kind: 'stream' | 'asset' | 'room';
}

/** The lists that are in force; undefined: all may watch. @param byDefault the setting `watchRules` */
export function listsInForce(
  own: WatchRuleLists | null | undefined,
  byDefault: WatchRuleLists,
): WatchRuleLists | undefined {
  const lists = own ?? byDefault;
  return lists.allow.length + lists.deny.length === 0 ? undefined : lists;
}

/**
 * The rules, and what they decide.
 *
 * @param client undefined: only the rules
 * @throws OxbowError `bad-request` for an invalid address or country
 */
export function watchAccessView(
  { own, byDefault, kind }: RulesInQuestion,
  client: AskedClient | undefined,
  countries: Countries,
): WatchAccessView {
  const lists = listsInForce(own, byDefault);
  const rules = { allow: [...(lists?.allow ?? [])], deny: [...(lists?.deny ?? [])] };
  const origin = !lists ? 'none' : own ? kind : 'default';
  return { origin, rules, verdict: client ? verdictOf(lists, client, countries) : null };
}

function verdictOf(
  lists: WatchRuleLists | undefined,
  { address, country }: AskedClient,
  countries: Countries,
): WatchAccessView['verdict'] {
  if (!parseClientIp(address)) {
    throw new OxbowError('bad-request', `\`address\` (${address.slice(0, 80)}) is not an IP address.`);
  }
  const code = country?.toUpperCase() ?? countries.find(address);
  if (code !== undefined && !isCountryCode(code)) {
    throw new OxbowError(
      'bad-request',
      `\`country\` (${code.slice(0, 10)}) is not the code of a country (ISO 3166-1).`,
    );
  }
  const { isAllowed, entry } = lists
    ? rulesOfLists(lists).decide({ address, country: code })
    : { isAllowed: true, entry: undefined };
  return { isAllowed, address, country: code ?? null, entry: entry ?? null };
}
