/**
 * What the caller of a route sees of the past of a stream, by the broadcaster's rules.
 * In: the caller, the rules of the stream. Out: bounds for lists, views without what is hidden, refusals.
 * docs/4-watch/rules-for-the-past.md.
 */
import { parseInstant, printRfc3339 } from '../../api/instant.ts';
import type { RecordedDays } from '../../api/measure/recorded-days.ts';
import { type VisiblePast, visiblePast } from '../../api/past/past-rules.ts';
import type { StreamView } from '../../api/shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { HttpDeps } from '../deps.ts';
import type { RouteCall } from './route.ts';

/** What decides about the caller. */
type Caller = Pick<RouteCall, 'principal' | 'token'>;
type RulesDeps = Pick<HttpDeps, 'streams' | 'access' | 'clock'>;

/** A range of time, ms since 1970. */
interface RangeMs {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whether the caller has a right on the stream, or a playback token that says so. */
function isExempt(name: string, { principal, token }: Caller, { access, clock }: RulesDeps): boolean {
  if (principal.seesAll) return true;
  if (token === undefined || !access.watch.isExempt(token, name)) return false;
  return access.watch.verify(token, name, 'playlist', clock.nowMs()) === 'ok';
}

/** What the caller sees of the past of a stream; undefined: all of it. */
export function visibleTo(name: string, caller: Caller, deps: RulesDeps): VisiblePast | undefined {
  const rules = deps.streams.pastRulesOf(name);
  return rules && !isExempt(name, caller, deps) ? visiblePast(rules, deps.clock.nowMs()) : undefined;
}

/**
 * The visible part of a range.
 *
 * @throws OxbowError `not-started`; `past-limited` if nothing of it is visible
 */
export function visibleRange<Range extends RangeMs>(
  name: string,
  range: Range,
  caller: Caller,
  deps: RulesDeps,
): Range {
  const visible = visibleTo(name, caller, deps);
  if (!visible) return range;
  if (!visible.isStarted) throw new OxbowError('not-started', `The stream ${name} has not started for viewers.`);
  const [fromMs, toMs] = [Math.max(range.fromMs, visible.fromMs), Math.min(range.toMs, visible.toMs)];
  if (fromMs < toMs) return { ...range, fromMs, toMs };
  const [from, to] = [range.fromMs, range.toMs].map(printRfc3339);
  throw new OxbowError('past-limited', `Viewers see nothing of ${name} between ${from} and ${to} now.`);
}

/** Whether an entry of a list, with the times of what it is about, is visible. */
export function isShown(visible: VisiblePast | undefined, { fromMs, toMs }: RangeMs): boolean {
  return !visible || (visible.isStarted && fromMs >= visible.fromMs && toMs <= visible.toMs);
}

/** @throws OxbowError `clips-off` if the broadcaster lets only users with a right make clips */
export function assertMakesClips(name: string, caller: Caller, deps: RulesDeps): void {
  if (deps.streams.pastRulesOf(name)?.clips !== false || isExempt(name, caller, deps)) return;
  throw new OxbowError('clips-off', `Viewers make no clips, exports and stills of ${name}.`);
}

/** A stream as the caller sees it: its recording only as far as it is visible. */
export function seenView(view: StreamView, caller: Caller, deps: RulesDeps): StreamView {
  if (!view.past) return view;
  const visible = visibleTo(view.name, caller, deps);
  if (!visible) return { ...view, past: { ...view.past, isExempt: true } };
  const span = spanSeen(view.recorded, visible);
  const seconds = span ? Math.min(view.recorded.seconds, (span.toMs - span.fromMs) / 1000) : 0;
  const [from, to] = span ? [printRfc3339(span.fromMs), printRfc3339(span.toMs)] : [null, null];
  return { ...view, recorded: { ...view.recorded, from, to, seconds } };
}

/** Days as the caller sees them. */
export function seenDays(name: string, recorded: RecordedDays, caller: Caller, deps: RulesDeps): RecordedDays {
  const visible = visibleTo(name, caller, deps);
  if (!visible) return recorded;
  const days = recorded.days.flatMap((day) => {
    const span = spanSeen(day, visible);
    if (!span) return [];
    const seconds = Math.min(day.seconds, (span.toMs - span.fromMs) / 1000);
    return [{ ...day, from: printRfc3339(span.fromMs), to: printRfc3339(span.toMs), seconds }];
  });
  return { ...recorded, days };
}

/** The visible part of a span in RFC 3339; undefined: nothing. */
function spanSeen(
  { from, to }: { readonly from: string | null; readonly to: string | null },
  visible: VisiblePast,
): RangeMs | undefined {
  if (!visible.isStarted || from === null || to === null) return undefined;
  const fromMs = Math.max(parseInstant(from), Math.ceil(visible.fromMs));
  const toMs = Math.min(parseInstant(to), visible.toMs);
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}
