/**
 * The live window of a stream as viewers see it under the broadcaster's rules for the past: without segments
 * from before the start mark or from further back than viewers rewind, and ending earlier by the delay. A
 * delayed window has no parts: its edge moves by whole segments.
 * In: the live window, the visible past. Out: another LiveWindow, for delivery/live.
 */
import { reachOf } from '@oxbow/media/m3u8/date-range';
import { type MarkedRules, type VisiblePast, visiblePast } from '../../api/past/past-rules.ts';
import type { Generation } from '../../packager/generation.ts';
import type { LiveSegment, LiveWindowState, LiveWindowView } from '../../packager/live-segment.ts';
import { LiveWindow } from '../../packager/live-window.ts';

/** The rules as they are now, and the time. */
export interface RulesNow {
  readonly rules: () => MarkedRules;
  /** ms since 1970. */
  readonly nowMs: () => number;
}

/** What was computed of one state, valid until something changes. */
interface Shown
  extends Pick<LiveWindowState, 'generation' | 'tracks' | 'segments' | 'dateRanges' | 'ended' | 'previous'> {
  readonly sourceVersion: number;
  readonly rules: MarkedRules;
  /** Until then the same segments are visible, ms since 1970. */
  readonly untilMs: number;
  readonly version: number;
}

/** A visible part of the segments of a window. */
interface Cut {
  readonly segments: readonly LiveSegment[];
  /** Nothing at the end is hidden. */
  readonly isWhole: boolean;
  /** When another segment becomes visible or hidden, ms since 1970. */
  readonly untilMs: number;
}

/** The window of viewers. */
export function viewerWindow(source: LiveWindow, now: RulesNow): LiveWindow {
  const state = new ViewerState(source, now);
  const counts = {
    get decidedMsn() {
      return source.decidedMsn;
    },
    get memoryBytes() {
      return source.memoryBytes;
    },
    get erasures() {
      return source.erasures;
    },
  };
  return new LiveWindow(state, counts, { changes: source.changes, copied: source.copied });
}

/** Whether a segment is visible. */
export function isVisible(segment: LiveSegment, { fromMs, toMs }: VisiblePast): boolean {
  if (segment.startUs < fromMs * 1000) return false;
  return toMs === Number.POSITIVE_INFINITY || endMsOf(segment) <= toMs;
}

/** End of a complete segment, ms since 1970; Infinity while it is open. */
function endMsOf({ startUs, sealed }: LiveSegment): number {
  return sealed ? (startUs + sealed.durationUs) / 1000 : Number.POSITIVE_INFINITY;
}

const withoutPartsOf = new WeakMap<Generation, Generation>();

function withoutParts(generation: Generation): Generation {
  const known = withoutPartsOf.get(generation);
  if (known) return known;
  const { parts: _, partHoldBackS: __, ...plain } = generation;
  withoutPartsOf.set(generation, plain);
  return plain;
}

class ViewerState implements LiveWindowState {
  readonly #source: LiveWindow;
  readonly #now: RulesNow;
  #shown: Shown | undefined;

  constructor(source: LiveWindow, now: RulesNow) {
    this.#source = source;
    this.#now = now;
  }

  get limits() {
    return this.#source.state.limits;
  }
  get generation() {
    return this.#refreshed.generation;
  }
  get tracks() {
    return this.#refreshed.tracks;
  }
  get segments() {
    return this.#refreshed.segments;
  }
  get dateRanges() {
    return this.#refreshed.dateRanges;
  }
  get ended() {
    return this.#refreshed.ended;
  }
  get recordedMsn() {
    return this.#source.state.recordedMsn;
  }
  get lost() {
    return this.#source.state.lost;
  }
  get version() {
    return this.#refreshed.version;
  }
  get previous() {
    return this.#refreshed.previous;
  }
  get qualities() {
    return this.#source.state.qualities;
  }
  get captions() {
    return this.#source.state.captions;
  }

  get #refreshed(): Shown {
    const rules = this.#now.rules();
    const nowMs = this.#now.nowMs();
    const last = this.#shown;
    const { version } = this.#source;
    if (last && last.sourceVersion === version && last.rules === rules && nowMs < last.untilMs) return last;
    this.#shown = this.#compute(rules, nowMs, (last?.version ?? 0) + 1);
    return this.#shown;
  }

  #compute(rules: MarkedRules, nowMs: number, version: number): Shown {
    const { state } = this.#source;
    const visible = visiblePast(rules, nowMs);
    const isDelayed = visible.toMs !== Number.POSITIVE_INFINITY;
    const own = cut(state.segments, visible, rules, nowMs);
    const before = state.previous && cut(state.previous.segments, visible, rules, nowMs);
    const previous = state.previous && before && viewOf(state.previous, before, { isDelayed, version });
    const dateRanges = state.dateRanges.filter(
      (range) => range.startDateMs <= visible.toMs && reachOf(range) >= visible.fromMs,
    );
    const common = {
      sourceVersion: state.version,
      rules,
      version,
      dateRanges,
      untilMs: Math.min(own.untilMs, before?.untilMs ?? Number.POSITIVE_INFINITY),
    };
    // Viewers who are late still see the generation before.
    if (previous && own.segments.length === 0 && previous.segments.length > 0) {
      const { generation, tracks, segments, ended } = previous;
      return { ...common, generation, tracks, segments, ended, previous: undefined };
    }
    return {
      ...common,
      generation: state.generation && isDelayed ? withoutParts(state.generation) : state.generation,
      tracks: state.tracks,
      segments: own.segments,
      ended: state.ended && own.isWhole,
      previous,
    };
  }
}

function viewOf(
  view: LiveWindowView,
  { segments, isWhole }: Cut,
  { isDelayed, version }: { readonly isDelayed: boolean; readonly version: number },
): LiveWindowView {
  const generation = isDelayed ? withoutParts(view.generation) : view.generation;
  return { ...view, generation, segments, version, ended: view.ended && isWhole };
}

/** Media is in the order of time, so what is visible is contiguous. */
function cut(segments: readonly LiveSegment[], visible: VisiblePast, rules: MarkedRules, nowMs: number): Cut {
  const { rewindMs = Number.POSITIVE_INFINITY, delayMs = 0 } = rules;
  let from = 0;
  while (from < segments.length && segments[from]!.startUs < visible.fromMs * 1000) from++;
  let to = segments.length;
  if (visible.toMs !== Number.POSITIVE_INFINITY) while (to > from && endMsOf(segments[to - 1]!) > visible.toMs) to--;
  const [first, next] = [segments[from], segments[to]];
  const leavesMs = first ? first.startUs / 1000 + rewindMs + delayMs : Number.POSITIVE_INFINITY;
  const comesMs = next ? endMsOf(next) + delayMs : Number.POSITIVE_INFINITY;
  const startsMs = typeof rules.start === 'number' ? rules.start + delayMs : (rules.markMs ?? 0) + delayMs;
  const shown = visible.isStarted ? segments.slice(from, to) : [];
  return {
    segments: shown.length === segments.length ? segments : shown,
    isWhole: visible.isStarted && to === segments.length,
    // A segment is hidden once it begins before the bound, so just after that instant.
    untilMs: Math.min(leavesMs + 1, comesMs, startsMs > nowMs ? startsMs : Number.POSITIVE_INFINITY),
  };
}
