/**
 * The rules by network and country of rooms: where one may be entered.
 * In: the record of a room, the setting `watchRules`, clients. Out: refusals; verdicts for those who may
 * change a room. docs/9-run/watch-rules.md.
 */
import { type AskedClient, listsInForce, watchAccessView } from '../../accounts/watch-rules/rules-view.ts';
import { assertAllowed, rulesOfLists, type WatchingClient } from '../../accounts/watch-rules/watch-rules.ts';
import type { WatchAccessView, WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import { type Countries, noCountries } from '../../net/countries/countries.ts';
import type { RoomRecord } from './room-record.ts';

/** The used part of a record. */
type RuledRoom = Pick<RoomRecord, 'watchRules'>;

/** The client of a request or a connection. */
export interface RoomVisitor extends Pick<WatchingClient, 'address'> {
  /** Undefined: unknown. */
  readonly country?: string | undefined;
}

const none: WatchRuleLists = { allow: [], deny: [] };

/** Decides by the rules of a room, and by those of the server for rooms without. */
export class RoomRules {
  readonly #byDefault: () => WatchRuleLists;
  readonly #countries: Countries;

  /**
   * @param byDefault the setting `watchRules`
   * @param countries of addresses that a request asks about
   */
  constructor(byDefault: () => WatchRuleLists = () => none, countries: Countries = noCountries) {
    this.#byDefault = byDefault;
    this.#countries = countries;
  }

  /** The lists of a room; undefined: all may enter. The same object until they change. */
  listsOf({ watchRules }: RuledRoom): WatchRuleLists | undefined {
    return listsInForce(watchRules, this.#byDefault());
  }

  /** Whether a client may enter a room. */
  allow(room: RuledRoom, { address, country }: RoomVisitor): boolean {
    const lists = this.listsOf(room);
    return !lists || rulesOfLists(lists).decide({ address, country }).isAllowed;
  }

  /** @throws OxbowError `watch-denied-here` for a client that may not enter a room from where it is */
  assertAllowed(room: RuledRoom, { address, country }: RoomVisitor): void {
    const lists = this.listsOf(room);
    if (lists) assertAllowed(rulesOfLists(lists), { address, country }, 'room');
  }

  /** The rules, and what they decide. @throws OxbowError `bad-request` for an invalid address or country */
  view({ watchRules }: RuledRoom, asked: AskedClient | undefined): WatchAccessView {
    const rules = { own: watchRules ?? undefined, byDefault: this.#byDefault(), kind: 'room' } as const;
    return watchAccessView(rules, asked, this.#countries);
  }
}
