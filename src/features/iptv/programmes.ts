/**
 * The programmes of a stream for a programme guide: its markers, and whole hours where there are none.
 * In: the timeline of a stream. Out: programmes for xmltv.ts, oldest first and without overlap. Pure.
 * docs/decisions/0067.
 */
import type { GapCause } from '@oxbow/media/gap';
import type { TimelineView } from '../../api/shapes.ts';

const HOUR_MS = 3_600_000;
/** A marker's programme ends with the next marker, and after this at the latest, ms: hours follow. */
const LONGEST_MS = 4 * HOUR_MS;
/** The guide of a live stream reaches so far ahead, ms. */
const AHEAD_MS = 4 * HOUR_MS;
/** Shorter gaps are not mentioned, ms. */
const SHORT_GAP_MS = 5_000;
/** Most gaps that a description names. */
const MOST_GAPS = 3;

const causes: Readonly<Record<GapCause, string>> = {
  'source-down': 'the source was down',
  'source-skipped': 'the source skipped this part',
  'bad-media': 'the source sent broken media',
  overload: 'the server was overloaded',
  disk: 'the disk was full or failed',
  crash: 'oxbow was not running',
  damaged: 'the recording is damaged',
  clock: 'the clock was changed',
  internal: 'internal error in oxbow',
};

/** A programme. Times are ms since 1970, whole seconds. */
export interface Programme {
  readonly fromMs: number;
  readonly toMs: number;
  readonly title: string;
  readonly description: string;
  /** The first recorded instant; undefined while nothing of it is recorded. */
  readonly recordedMs: number | undefined;
}

/** The input of a stream's programmes. */
export interface ProgrammeSource {
  readonly title: string;
  readonly description: string;
  /** Media flows, or is expected: the guide reaches ahead. */
  readonly isLive: boolean;
  readonly timeline: Pick<TimelineView, 'spans' | 'gaps' | 'offline' | 'markers'>;
  /** Of a channel: what is scheduled, in place of markers; in order, without overlap. */
  readonly scheduled?: readonly Scheduled[] | undefined;
}

/** A scheduled programme; times are ms since 1970. */
export interface Scheduled {
  readonly fromMs: number;
  readonly toMs: number;
  readonly title: string;
}

/** Where a programme begins, and ends unless it lasts until the next one; ms since 1970. */
interface Mark {
  readonly atMs: number;
  readonly endMs: number | undefined;
  readonly text: string;
}

interface Slot {
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined: the title of the stream. */
  readonly title: string | undefined;
}

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Where the timeline of a guide begins, ms since 1970: whole hours, so that a guide changes only with the
 * hour.
 */
export function guideStart(nowMs: number, days: number): number {
  return Math.floor(nowMs / HOUR_MS) * HOUR_MS - days * 24 * HOUR_MS;
}

/**
 * The programmes of a stream: of the past only those of which something is recorded.
 *
 * @param nowMs ms since 1970
 */
export function programmesOf(source: ProgrammeSource, nowMs: number): Programme[] {
  const { title, description, isLive, timeline, scheduled } = source;
  const spans = timeline.spans.map(stretchOf);
  const gaps = timeline.gaps.map((gap) => ({ ...stretchOf(gap), why: causes[gap.cause] }));
  const offline = timeline.offline.map((span) => ({ ...stretchOf(span), why: 'offline' }));
  const missing = [...gaps, ...offline].sort((a, b) => a.fromMs - b.fromMs);
  const lastMs = isLive ? Math.floor(nowMs / HOUR_MS) * HOUR_MS + AHEAD_MS + HOUR_MS : (spans.at(-1)?.toMs ?? 0);
  const endMs = Math.max(lastMs, scheduled?.at(-1)?.toMs ?? 0);
  const startMs = spans[0]?.fromMs ?? nowMs;
  return slotsOf(marksOf(source), Math.floor(startMs / 1000) * 1000, Math.ceil(endMs / 1000) * 1000).flatMap(
    (slot): Programme[] => {
      const first = spans.find((span) => span.toMs > slot.fromMs && span.fromMs < slot.toMs);
      if (!first && ((!isLive && !scheduled) || slot.toMs <= nowMs)) return [];
      const lost = missing.filter((stretch) => lengthIn(stretch, slot) >= SHORT_GAP_MS && stretch.fromMs < nowMs);
      const about = slot.title === undefined ? description : '';
      return [
        {
          fromMs: slot.fromMs,
          toMs: slot.toMs,
          title: slot.title ?? title,
          description: [about, describeGaps(lost, slot)].filter(Boolean).join('\n'),
          recordedMs: first && Math.max(first.fromMs, slot.fromMs),
        },
      ];
    },
  );
}

/** What is scheduled, or the markers; whole seconds. */
function marksOf({ scheduled, timeline }: Pick<ProgrammeSource, 'scheduled' | 'timeline'>): Mark[] {
  const second = (ms: number) => Math.floor(ms / 1000) * 1000;
  if (scheduled)
    return scheduled.map(({ fromMs, toMs, title }) => ({
      atMs: second(fromMs),
      endMs: second(toMs),
      text: title.trim(),
    }));
  return timeline.markers.map(({ at, text }) => ({
    atMs: second(Date.parse(at)),
    endMs: undefined,
    text: text.trim(),
  }));
}

/** [startMs, endMs) as programmes of marks, and whole hours between them. */
function slotsOf(allMarks: readonly Mark[], startMs: number, endMs: number): Slot[] {
  const slots: Slot[] = [];
  let atMs = startMs;
  const fill = (untilMs: number) => {
    while (atMs < untilMs) {
      const toMs = Math.min(untilMs, (Math.floor(atMs / HOUR_MS) + 1) * HOUR_MS);
      slots.push({ fromMs: atMs, toMs, title: undefined });
      atMs = toMs;
    }
  };
  // An item of a schedule that began before is the first; of a marker that did, the end is not known.
  const marks = allMarks.filter(({ atMs: fromMs, endMs: untilMs = fromMs + 1 }) => untilMs > startMs && fromMs < endMs);
  for (const [i, { atMs: fromMs, endMs: untilMs = fromMs + LONGEST_MS, text }] of marks.entries()) {
    fill(fromMs);
    const toMs = Math.min(marks[i + 1]?.atMs ?? endMs, untilMs, endMs);
    if (toMs <= fromMs) continue; // another one in the same second
    slots.push({ fromMs, toMs, title: text || undefined });
    atMs = toMs;
  }
  fill(endMs);
  return slots;
}

function describeGaps(lost: readonly (Stretch & { readonly why: string })[], slot: Slot): string {
  if (lost.length === 0) return '';
  const shown = lost.slice(0, MOST_GAPS).map(({ fromMs, toMs, why }) => {
    const [from, to] = [Math.max(fromMs, slot.fromMs), Math.min(toMs, slot.toMs)];
    return `${clock(from - slot.fromMs)} to ${clock(to - slot.fromMs)} (${why})`;
  });
  const more = lost.length > MOST_GAPS ? `, and ${lost.length - MOST_GAPS} more` : '';
  return `Not recorded: ${shown.join(', ')}${more}.`;
}

/** A time within a programme, `h:mm:ss`. */
function clock(ms: number): string {
  const s = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function stretchOf({ from, to }: { readonly from: string; readonly to: string }): Stretch {
  return { fromMs: Date.parse(from), toMs: Date.parse(to) };
}

function lengthIn(stretch: Stretch, slot: Stretch): number {
  return Math.min(stretch.toMs, slot.toMs) - Math.max(stretch.fromMs, slot.fromMs);
}
