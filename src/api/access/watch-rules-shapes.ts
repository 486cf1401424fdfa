/**
 * JSON of the rules by network and country that decide who may watch a stream or an asset, or enter a room.
 * In: nothing. Out: schemas and types for HTTP, streams and the typed client. docs/9-run/watch-rules.md.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Most entries of a list. */
export const MAX_WATCH_ENTRIES = 1000;

const Entries = (description: string) =>
  Type.Array(Type.String({ maxLength: 50 }), { maxItems: MAX_WATCH_ENTRIES, description });

/** Lists of networks (`10.0.0.0/8`), addresses and countries (`DE`). */
export interface WatchRuleLists {
  /** Empty: all. */
  readonly allow: readonly string[];
  /** Stronger than `allow`. */
  readonly deny: readonly string[];
}

const WatchRulesView = Type.Object(
  {
    allow: Entries('networks, addresses and countries that may watch; empty: all'),
    deny: Entries('those that may not watch; stronger than `allow`'),
  },
  { $id: 'WatchRulesView' },
);

/** The rules in a request; a list that is left out is empty. */
export const WatchRuleSettings = Type.Object(
  {
    allow: Type.Optional(WatchRulesView.properties.allow),
    deny: Type.Optional(WatchRulesView.properties.deny),
  },
  { $id: 'WatchRuleSettings', additionalProperties: false },
);
export type WatchRuleSettings = Static<typeof WatchRuleSettings>;

/** The rules of a stream, an asset or a room, and what they decide about a client. */
export const WatchAccessView = Type.Object(
  {
    origin: Type.Union([
      Type.Literal('stream', { description: 'the stream has its own rules' }),
      Type.Literal('asset', { description: 'the asset has its own rules' }),
      Type.Literal('room', { description: 'the room has its own rules' }),
      Type.Literal('default', { description: 'the setting `watchRules`' }),
      Type.Literal('none', { description: 'there are no rules' }),
    ]),
    rules: WatchRulesView,
    verdict: Type.Union(
      [
        Type.Object({
          isAllowed: Type.Boolean(),
          address: Type.String(),
          country: Type.Union([Type.String(), Type.Null()], {
            description: 'as in the query, or by `watchRules.countryFile`; null: unknown',
          }),
          entry: Type.Union([Type.String(), Type.Null()], {
            description: 'the entry of the lists that decided; null if none matched',
          }),
        }),
        Type.Null(),
      ],
      { description: 'null without `address`. Visibility and playback tokens are not part of it' },
    ),
  },
  { $id: 'WatchAccessView' },
);
export type WatchAccessView = Static<typeof WatchAccessView>;
