/**
 * The broadcaster's rules for the past of a stream: how far viewers rewind, where the past begins, by how
 * much viewers are late, and whether they make clips; and what follows from them at an instant.
 * In: settings of a stream, the time now. Out: the visible past, for delivery, the API and pages.
 * docs/4-watch/rules-for-the-past.md. Pure.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** The rules of one stream; absent ones do not restrict. */
export interface PastRules {
  /** How far viewers rewind from the live edge that they see, ms. */
  readonly rewindMs?: number | undefined;
  /** Nothing before the start mark, or before an instant in ms since 1970. */
  readonly start?: 'mark' | number | undefined;
  /** Viewers see everything this much later, ms. */
  readonly delayMs?: number | undefined;
  /** Only clients with a right on the stream make clips, exports and stills. */
  readonly clips?: false | undefined;
}

/** Bounds of the settings, ms. */
export const PAST_BOUNDS = {
  rewindMs: { min: 60_000, max: 366 * 86_400_000 },
  // A live window has five minutes of segments: enough of them are older than the delay.
  delayMs: { min: 1000, max: 180_000 },
} as const;

/** Rules whose row is damaged: viewers see nothing until they are set again. */
export const CLOSED_PAST: PastRules = { start: 'mark', clips: false };

/** What viewers may see at an instant. */
export interface VisiblePast {
  /** False: the start mark is not set yet, or is later than what viewers see now. */
  readonly isStarted: boolean;
  /** Media that begins earlier is hidden, ms since 1970; 0: no bound. */
  readonly fromMs: number;
  /** Media that ends later is hidden, ms since 1970; Infinity: no bound. */
  readonly toMs: number;
}

/** Rules with the start mark of the stream. */
export interface MarkedRules extends PastRules {
  /** The last start mark, ms since 1970; undefined: none is set. */
  readonly markMs?: number | undefined;
}

/** When the stream starts for viewers, ms since 1970; undefined: not known yet. 0: it has no such rule. */
export function startOf({ start, markMs }: MarkedRules): number | undefined {
  if (start === undefined) return 0;
  return start === 'mark' ? markMs : start;
}

/** What viewers may see now. @param nowMs ms since 1970 */
export function visiblePast(rules: MarkedRules, nowMs: number): VisiblePast {
  const edgeMs = nowMs - (rules.delayMs ?? 0);
  const startMs = startOf(rules);
  return {
    isStarted: startMs !== undefined && startMs <= edgeMs,
    fromMs: Math.max(startMs ?? Number.MAX_SAFE_INTEGER, rules.rewindMs === undefined ? 0 : edgeMs - rules.rewindMs),
    toMs: rules.delayMs === undefined ? Number.POSITIVE_INFINITY : edgeMs,
  };
}

/** Whether the rules concern times, so that addresses of media must be checked. */
export function limitsTimes({ rewindMs, start, delayMs }: PastRules): boolean {
  return rewindMs !== undefined || start !== undefined || delayMs !== undefined;
}

const Seconds = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });
const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** The rules as viewers read them. */
export const PastRulesView = Type.Object(
  {
    rewind: Seconds('how far viewers rewind from the live edge that they see, seconds; null: all that is kept'),
    delay: Seconds('by how much viewers are late, seconds; null: not at all'),
    start: Type.Union(
      [
        Type.Object({
          by: Type.Union([
            Type.Literal('mark', { description: 'the broadcaster sets a mark when the show begins' }),
            Type.Literal('time', { description: 'an instant' }),
          ]),
          at: Type.Union([Time, Type.Null()], { description: 'null: the mark is not set' }),
        }),
        Type.Null(),
      ],
      { description: 'viewers see nothing from before it; null: no such rule' },
    ),
    isStarted: Type.Boolean({ description: 'false: viewers see nothing yet' }),
    clips: Type.Boolean({ description: 'viewers may make clips, exports and stills' }),
    isExempt: Type.Boolean({ description: 'the rules do not concern the client of this request' }),
  },
  { $id: 'PastRulesView' },
);
export type PastRulesView = Static<typeof PastRulesView>;

const orNull = (maxLength: number, description: string) =>
  Type.Optional(Type.Union([Type.String({ maxLength }), Type.Null()], { description }));

/** The rules in a request: those that are left out do not restrict. */
export const PastRuleSettings = Type.Object(
  {
    rewind: orNull(20, 'how far viewers rewind, e.g. `30m`, at least a minute; null: all that is kept'),
    start: orNull(
      40,
      '`mark`: viewers see nothing from before the last start mark, and nothing until it is set; a time (RFC 3339): nothing from before it; null: no such rule',
    ),
    delay: orNull(20, 'by how much viewers are late, from `1s` to `3m`; null: not at all'),
    clips: Type.Optional(Type.Boolean({ description: 'false: only operators make clips, exports and stills' })),
  },
  { $id: 'PastRuleSettings', additionalProperties: false },
);
export type PastRuleSettings = Static<typeof PastRuleSettings>;

/** The rules as JSON. @param nowMs ms since 1970 */
export function pastRulesView(rules: MarkedRules, nowMs: number, print: (ms: number) => string): PastRulesView {
  const { rewindMs, delayMs, start, markMs, clips } = rules;
  const atMs = start === 'mark' ? markMs : start;
  return {
    rewind: rewindMs === undefined ? null : rewindMs / 1000,
    delay: delayMs === undefined ? null : delayMs / 1000,
    start:
      start === undefined
        ? null
        : { by: start === 'mark' ? 'mark' : 'time', at: atMs === undefined ? null : print(atMs) },
    isStarted: visiblePast(rules, nowMs).isStarted,
    clips: clips !== false,
    isExempt: false,
  };
}
