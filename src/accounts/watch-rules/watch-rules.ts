/**
 * Decides by the network and the country of a client whether it may watch.
 * In: lists of networks and countries, the address and the country of a client. Out: a verdict. Pure.
 * docs/9-run/watch-rules.md.
 */

import { isCountryCode } from '../../api/access/country-codes.ts';
import type { WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { IpAddress } from '../../net/address.ts';
import { NetworkSet, parseClientIp } from './networks.ts';

/** Rules of which a row has lost the lists: no client may watch until they are set again. */
export const NO_ONE: WatchRuleLists = { allow: [], deny: ['0.0.0.0/0', '::/0'] };

/** The lists of a column, JSON; null: there are none. What is damaged lets no one watch. */
export function storedLists(text: string | null): WatchRuleLists | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as WatchRuleLists;
  } catch {
    return NO_ONE;
  }
}

/** The client of a request. */
export interface WatchingClient {
  /** IP address; of another text, no network has it. */
  readonly address: string;
  /** Code in capital letters; undefined: unknown. No list has an unknown country. */
  readonly country: string | undefined;
}

/** What the rules decide about a client. */
export interface RuleVerdict {
  readonly isAllowed: boolean;
  /** The entry of a list that decided; undefined if none matched. */
  readonly entry: string | undefined;
}

/** Rules in the form in which requests are checked. */
export interface WatchRules {
  decide(client: WatchingClient): RuleVerdict;
}

/** One list. */
class EntrySet {
  readonly isEmpty: boolean;
  readonly #networks: NetworkSet;
  readonly #countries: ReadonlySet<string>;

  /** @throws OxbowError `bad-setting` for an invalid network */
  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    this.#countries = new Set(entries.filter(isCountryCode));
    this.#networks = new NetworkSet(entries.filter((entry) => !isCountryCode(entry)));
  }

  find(address: IpAddress | undefined, country: string | undefined): string | undefined {
    if (country !== undefined && this.#countries.has(country)) return country;
    return address && this.#networks.find(address);
  }
}

const compiled = new WeakMap<WatchRuleLists, WatchRules>();

/**
 * The rules of lists, made at the first call for these.
 *
 * @throws OxbowError `bad-setting` for an invalid network
 */
export function rulesOfLists(lists: WatchRuleLists): WatchRules {
  let rules = compiled.get(lists);
  if (!rules) {
    rules = compile(lists);
    compiled.set(lists, rules);
  }
  return rules;
}

function compile(lists: WatchRuleLists): WatchRules {
  const allow = new EntrySet(lists.allow);
  const deny = new EntrySet(lists.deny);
  return {
    decide({ address: text, country }) {
      const address = parseClientIp(text);
      const denied = deny.find(address, country);
      if (denied !== undefined) return { isAllowed: false, entry: denied };
      const allowed = allow.find(address, country);
      return { isAllowed: allow.isEmpty || allowed !== undefined, entry: allowed };
    },
  };
}

/** @throws OxbowError `watch-denied-here` for a client that the rules do not allow */
export function assertAllowed(
  rules: WatchRules,
  client: WatchingClient,
  kind: 'stream' | 'asset' | 'room' = 'stream',
): void {
  if (rules.decide(client).isAllowed) return;
  const from = client.country === undefined ? client.address : `${client.address} (${client.country})`;
  const verb = kind === 'room' ? 'entered' : 'watched';
  throw new OxbowError('watch-denied-here', `This ${kind} may not be ${verb} from ${from}.`);
}

/**
 * Verdicts about connections: a connection has the same client while its header fields are the same.
 */
export class ClientVerdicts<Connection extends object> {
  readonly #last = new WeakMap<
    Connection,
    { readonly rules: WatchRules; readonly headers: object | undefined; readonly isAllowed: boolean }
  >();

  /**
   * Whether the rules allow a connection.
   *
   * @param headers the same object while the header fields are the same
   * @param client called where the verdict is not known
   */
  isAllowed(
    rules: WatchRules,
    connection: Connection,
    headers: object | undefined,
    client: () => WatchingClient,
  ): boolean {
    const last = this.#last.get(connection);
    if (last?.rules === rules && last.headers === headers) return last.isAllowed;
    const { isAllowed } = rules.decide(client());
    this.#last.set(connection, { rules, headers, isAllowed });
    return isAllowed;
  }
}
