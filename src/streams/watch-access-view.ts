/**
 * Answers whether a client at some address would be allowed to watch a stream.
 * In: a definition, the default rules, an address and a country. Out: the JSON of api/access. Pure.
 */
import { parseClientIp } from '../accounts/watch-rules/networks.ts';
import { rulesOfLists } from '../accounts/watch-rules/watch-rules.ts';
import { isCountryCode } from '../api/access/country-codes.ts';
import type { WatchAccessView, WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import { streamUnknown } from '../api/stream/stream-refusals.ts';
import { OxbowError } from '../lib/errors.ts';
import { rulesInForce, type StreamDefinition } from './definition.ts';

/** As in a query. */
interface AskedClient {
  readonly address: string;
  readonly country?: string;
}

/**
 * @param byDefault the setting `watchRules`
 * @throws OxbowError `stream-unknown` without a definition; `bad-request`
 */
export function watchAccessOf(
  definition: Pick<StreamDefinition, 'watchRules'> | undefined,
  byDefault: WatchRuleLists,
  client: AskedClient | undefined,
  name: string,
): WatchAccessView {
  if (!definition) throw streamUnknown(name);
  const lists = rulesInForce(definition, byDefault);
  const rules = { allow: [...(lists?.allow ?? [])], deny: [...(lists?.deny ?? [])] };
  const origin = !lists ? 'none' : definition.watchRules ? 'stream' : 'default';
  return { origin, rules, verdict: client ? verdictOf(lists, client) : null };
}

function verdictOf(lists: WatchRuleLists | undefined, { address, country }: AskedClient): WatchAccessView['verdict'] {
  if (!parseClientIp(address)) {
    throw new OxbowError('bad-request', `\`address\` (${address.slice(0, 80)}) is not an IP address.`);
  }
  const code = country?.toUpperCase();
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
