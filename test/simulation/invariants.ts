/**
 * What must hold of a recording, whatever its source did (docs/media.md 2, 5 and 14).
 * In: the outcome of a simulation. Out: sentences about what does not hold; none where all is well. Pure.
 */
import { readMedia } from '../conformance/media-text.ts';
import { judge, printFindings } from '../conformance/rules/rule.ts';
import { rulesOfReload } from '../conformance/rules/rules-of-reload.ts';
import { rulesOfMediaText } from '../conformance/rules/rules-of-text.ts';
import type { FoundFrame, Outcome } from './simulate.ts';
import { type FrameName, framesIn, listedUntilMs, type SourcePlan, type SourceSegment } from './source-plan.ts';

/** Runs may meet within half a second (docs/media.md 5). */
const HOLE_US = 500_000;
/**
 * A rendition with its own playlist is reloaded within 10 s, after a failure and with the last three
 * segments.
 */
const SOUND_AFTER_S = 30;
/** A source that is away is asked again at least this often. */
const LONGEST_PAUSE_MS = 60_000;
/**
 * A frame that a source offered for this much longer has had its time: 30 s, three target durations, and
 * reloads.
 */
const graceMs = ({ segmentS, targetDurationS }: SourcePlan) => 45_000 + 6000 * Math.max(segmentS, targetDurationS);

/** Everything that does not hold. */
export function problemsOf(outcome: Outcome): string[] {
  return [
    ...timeProblems(outcome),
    ...orderProblems(outcome),
    ...clockProblems(outcome),
    ...retentionProblems(outcome),
    ...lossProblems(outcome),
    ...soundProblems(outcome),
    ...outcome.reused.map((msn) => `segment ${msn} was announced twice with different bytes`),
    ...listProblems(outcome),
  ];
}

/**
 * Every instant from creation until now is media, a gap or offline, and there is as much media as was
 * recorded.
 */
function* timeProblems({ timeline, groups, nowUs }: Outcome): Iterable<string> {
  const { pieces } = timeline;
  for (const [i, piece] of pieces.entries()) {
    const before = pieces[i - 1];
    if (before && before.toUs !== piece.fromUs) yield `a seam of ${piece.fromUs - before.toUs} µs before ${piece.kind}`;
    if (piece.toUs <= piece.fromUs) yield `${piece.kind} lasts ${piece.toUs - piece.fromUs} µs`;
    if (piece.detail === 'not in the index') yield `${seconds(piece.toUs - piece.fromUs)} are not in the index`;
    if (piece.kind !== 'media' && piece.detail === '') yield 'a gap that nothing explains';
  }
  const endUs = pieces.at(-1)?.toUs ?? 0;
  if (endUs < nowUs - HOLE_US) yield `the timeline ends ${seconds(nowUs - endUs)} before now`;
  const shownUs = sum(pieces.filter(({ kind }) => kind === 'media').map(({ fromUs, toUs }) => toUs - fromUs));
  const heldUs = sum(groups.map(({ startUs, endUs: groupEndUs }) => groupEndUs - startUs));
  const toleranceUs = HOLE_US * (1 + pieces.length);
  if (Math.abs(shownUs - heldUs) > toleranceUs)
    yield `the timeline shows ${seconds(shownUs)} of media, ${seconds(heldUs)} are recorded`;
}

/** Time and frames go forward, and no frame is there twice. */
function* orderProblems({ groups, plan }: Outcome): Iterable<string> {
  let last: FoundFrame | undefined;
  // Without a date that can be believed, a new process takes what the list holds for new.
  for (const [i, { msn, startUs, video, process }] of groups.entries()) {
    const before = groups[i - 1];
    if (before && before.process !== process && !plan.hasTrueDates) last = undefined;
    if (before && msn <= before.msn) yield `segment ${msn} comes after ${before.msn}`;
    if (before && startUs < before.endUs - 1) yield `segment ${msn} overlaps by ${seconds(before.endUs - startUs)}`;
    for (const frame of video) {
      if (last && placeOf(frame) <= placeOf(last)) yield `${printName(frame)} was recorded after ${printName(last)}`;
      last = frame;
    }
  }
}

/** If only arrival defines the time, media is near the wall clock, also after the clock was set forward. */
function* clockProblems({ plan, groups }: Outcome): Iterable<string> {
  if (plan.dated || plan.isFilm) return;
  const mostUs = 1e6 * (120 + (plan.windowSegments + 6) * plan.segmentS);
  const late = groups.map(({ sealedUs, endUs }) => sealedUs - endUs).filter((us) => us > mostUs);
  // A step takes effect at the next key frame; media in flight keeps its time.
  if (late.length > 2 * plan.clockSteps.length)
    yield `${late.length} segments lie up to ${seconds(Math.max(...late))} in the past`;
}

/** What was recorded less than `record.keep` ago is there, whatever the wall clock said meanwhile. */
function* retentionProblems({ groups, kept }: Outcome): Iterable<string> {
  const there = new Set(groups.map(({ msn }) => msn));
  const gone = kept.filter((msn) => !there.has(msn));
  if (gone.length > 0) yield `${gone.length} segments are gone before their time, the first is ${gone[0]}`;
}

/** Every offered picture is recorded; an unavailable one is in a listed gap. */
function* lossProblems(outcome: Outcome): Iterable<string> {
  const { plan, groups, timeline } = outcome;
  const found = groups.flatMap(({ video, startUs, endUs }) =>
    video.map((frame) => ({ place: placeOf(frame), startUs, endUs })),
  );
  const recorded = new Set(found.map(({ place }) => place));
  const first = found[0]?.place;
  const all = plan.lives.flatMap(({ segments }) => segments);
  if (first === undefined) {
    if (all.some((segment) => isOwed(outcome, segment))) yield 'nothing was recorded';
    return;
  }
  const perSegment = framesIn(plan, 'video');
  for (const segment of all) {
    const missing = Array.from({ length: perSegment }, (_, place) =>
      placeOf({ kind: 'video', segment: segment.index, place }),
    ).filter((place) => place > first && !recorded.has(place));
    if (missing.length === 0) continue;
    if (isOwed(outcome, segment)) {
      yield `segment ${segment.index}: ${missing.length} of ${perSegment} pictures are lost`;
      continue;
    }
    const before = found.findLast(({ place }) => place < missing[0]!);
    const after = found.find(({ place }) => place > missing.at(-1)!);
    if (!before || !after) continue;
    const hole = timeline.pieces.some(
      ({ kind, fromUs, toUs }) => kind !== 'media' && toUs > before.startUs && fromUs < after.endUs,
    );
    // What a new process finds in the list first, it knows by its date alone.
    const isTakenForKnown =
      !plan.hasTrueDates &&
      beginsOf(outcome).some((ms) => segment.listedMs <= ms + 60_000 && listedUntilMs(plan, segment) > ms);
    if (!hole && !isTakenForKnown) yield `segment ${segment.index} is missing and no gap is listed`;
  }
}

/** Whether oxbow had time to take the segment: it could be had, and was listed to a process that lived on. */
function isOwed(outcome: Outcome, segment: SourceSegment): boolean {
  if (segment.isBroken) return false;
  const { plan, served, processEnds } = outcome;
  const { index, listedMs } = segment;
  const begins = beginsOf(outcome);
  if (plan.isFilm) return processEnds.at(-1)! - begins.at(-1)! >= graceMs(plan);
  const isListedLong = listedUntilMs(plan, segment) - listedMs >= LONGEST_PAUSE_MS + 2000 * plan.segmentS;
  return processEnds.some((endMs, process) => {
    if (isTakenForFilm(outcome, process)) return false;
    // Where a process begins, what its list held is new or known by its date alone: other tests look at that.
    if (listedMs <= begins[process]! + 2000 * plan.segmentS + plan.staleMs) return false;
    const isServed = (atMs: number) => endMs - atMs >= graceMs(plan);
    if (isListedLong && isServed(listedMs + LONGEST_PAUSE_MS)) return true;
    return served.some(
      (list) => list.process === process && index >= list.first && index < list.end && isServed(list.atMs),
    );
  });
}

/**
 * Whether a stream without a past saw a list that had ended: that is a film, and nothing is expected behind
 * its end.
 */
function isTakenForFilm({ plan, served }: Outcome, process: number): boolean {
  const isNew = process === 0 || plan.breaks[process - 1]!.how === 'recreate';
  return isNew && served.find((list) => list.process === process)?.ended === true;
}

/** When each process began, ms since the simulation began. */
const beginsOf = ({ processEnds }: Outcome) => [0, ...processEnds.slice(0, -1)];

/**
 * Pictures have the sound that came with them, but where a life or a stretch between discontinuities begins
 * or ends.
 */
function* soundProblems({ plan, groups }: Outcome): Iterable<string> {
  if (plan.audio === 'none') return;
  const pictures = new Map<number, number>();
  const sounds = new Map<number, number>();
  for (const { video, audio } of groups) {
    for (const { segment } of video) pictures.set(segment, (pictures.get(segment) ?? 0) + 1);
    for (const { segment } of audio) sounds.set(segment, (sounds.get(segment) ?? 0) + 1);
  }
  for (const { segments } of plan.lives) {
    for (const [k, { index, failures }] of segments.entries()) {
      const around = segments.slice(Math.max(0, k - 2), k + 3);
      // Where a source comes back, each rendition finds out by itself, at most ten seconds later.
      const isInside =
        k * plan.segmentS >= SOUND_AFTER_S &&
        k >= 2 &&
        k + 2 < segments.length &&
        around.every((one) => !one.discontinuity && !one.isBroken);
      const isWhole = around.every((one) => pictures.get(one.index) === framesIn(plan, 'video'));
      if (!isInside || !isWhole || (plan.audio === 'separate' && failures.length > 0)) continue;
      const share = (sounds.get(index) ?? 0) / framesIn(plan, 'audio');
      if (share < 0.9) yield `segment ${index}: ${Math.round(100 * (1 - share))} % of its sound is lost`;
      if (share > 1) yield `segment ${index}: sound was recorded twice`;
    }
  }
}

/** Every list is well-formed, and a legal successor of the one before. */
function* listProblems({ lists, plan }: Outcome): Iterable<string> {
  // A clock that is set forward moves the dates of what follows, without a DISCONTINUITY (docs/media.md 1).
  const hasSteps = plan.clockSteps.length > 0;

  for (const [url, texts] of lists) {
    const read = texts.map((text) => readMedia(url, text));
    for (const [i, after] of read.entries()) {
      const before = read[i - 1];
      const findings = [
        ...judge(rulesOfMediaText, after, url),
        ...(before ? judge(rulesOfReload, { before, after }, url) : []),
      ].filter(({ rule, severity }) => severity === 'must' && !(hasSteps && rule === 'date-agrees'));
      if (findings.length > 0) yield printFindings(findings.slice(0, 3));
    }
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
const seconds = (us: number) => `${(us / 1e6).toFixed(2)} s`;
const placeOf = ({ segment, place }: FrameName) => segment * 65_536 + place;
const printName = ({ segment, place }: FrameName) => `picture ${place} of segment ${segment}`;
