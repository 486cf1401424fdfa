/**
 * Measures the offsets of a set of angles by sound: each member against the first one that has sound, at one
 * place, and again at another one.
 * In: members at their present offsets, a place. Out: new offsets, or why there are none. A member costs
 * about half a second of processor time.
 */
import type { SoundLevels } from '@oxbow/media/align/energy';
import { isSteady, matchSound, type SoundMismatch } from '@oxbow/media/align/sound-match';
import { joinPlaces } from '@oxbow/media/align/two-places';
import { ANGLE_LIMITS } from '../../api/angles/angle-shapes.ts';
import type { Angle } from './angle-members.ts';
import type { SoundRange } from './angle-sound.ts';
import type { StoredAngle } from './angle-table.ts';

/** Reads the sound of a member on its clock; see readSound. */
export type ReadSound = (
  angle: Angle,
  range: SoundRange,
  options: { readonly signal: AbortSignal },
) => Promise<SoundLevels | undefined>;

/** What is measured. */
interface Measured {
  /** The place, ms on the clock of the set. */
  readonly atMs: number;
  /** How far from the present offsets is searched, either way, ms. */
  readonly withinMs: number;
}

/** The tools of a measurement. */
interface MeasureTools {
  readonly readSound: ReadSound;
  /** Called with the progress, 0 to 1. */
  readonly progress: (share: number) => void;
  readonly signal: AbortSignal;
}

/** A member whose offset was not found. */
export interface MissedAngle {
  readonly member: string;
  readonly reason: SoundMismatch | 'no-sound' | 'changed';
}

/** New offsets. */
export interface MeasuredSet {
  /** Id of the member that the others were compared with: they are right for its offset. */
  readonly reference: string | undefined;
  readonly found: readonly (Pick<StoredAngle, 'id' | 'offsetMs' | 'drift'> &
    Required<Pick<StoredAngle, 'confidence' | 'errorMs' | 'measuredMs'>>)[];
  readonly missed: readonly MissedAngle[];
}

/**
 * Measures a set. Its clock is that of the first member with sound at the place.
 *
 * @throws the signal's reason when aborted; what `readSound` throws
 */
export async function measureSet(
  angles: readonly Angle[],
  { atMs, withinMs }: Measured,
  { readSound, progress, signal }: MeasureTools,
): Promise<MeasuredSet> {
  const places = new Places(readSound, withinMs, signal);
  const found: MeasuredSet['found'][number][] = [];
  const missed: MissedAngle[] = [];
  const first = await places.open(angles, atMs, missed);
  if (!first) return { reference: undefined, found, missed };
  for (const [i, angle] of first.others.entries()) {
    progress((i + 1) / (first.others.length + 1));
    const match = await places.match(first, angle);
    const { id } = angle.member;
    if (!match) missed.push({ member: id, reason: 'no-sound' });
    else if (!match.isFound) missed.push({ member: id, reason: match.reason });
    else {
      const other = await places.matchElsewhere(first, angle, atMs);
      const joined = other ? joinPlaces(match, other.match, other.atMs - atMs) : { ...match, drift: undefined };
      const { confidence, errorMs, drift } = joined;
      const offsetMs = rounded(angle.member.offsetMs + match.offsetMs);
      const measured = { id, offsetMs, confidence, errorMs: rounded(errorMs), measuredMs: Math.round(atMs) };
      found.push(drift ? { ...measured, drift: { ms: rounded(drift.ms), overMs: drift.overMs } } : measured);
    }
  }
  return { reference: first.reference.member.id, found, missed };
}

/** A place with the sound that others are compared with. */
interface Place {
  readonly atMs: number;
  readonly reference: Angle;
  readonly levels: SoundLevels;
  /** Members after the reference; those before it have no sound there. */
  readonly others: readonly Angle[];
}

/** Compares sound at places of a set. */
class Places {
  readonly #readSound: ReadSound;
  readonly #withinMs: number;
  readonly #signal: AbortSignal;
  /** Second places by their time; undefined: the reference has no sound there. */
  readonly #second = new Map<number, Promise<Place | undefined>>();

  constructor(readSound: ReadSound, withinMs: number, signal: AbortSignal) {
    this.#readSound = readSound;
    this.#withinMs = withinMs;
    this.#signal = signal;
  }

  /**
   * The sound of the first member that has some: a camera whose microphone is off matches nothing.
   *
   * @param missed gets the members before it
   */
  async open(angles: readonly Angle[], atMs: number, missed: MissedAngle[] = []): Promise<Place | undefined> {
    for (const [i, reference] of angles.entries()) {
      const levels = await this.#read(reference, atMs, 0);
      const hasSound = levels && levels.levels.length >= LEAST_LEVELS;
      if (hasSound && !isSteady(levels)) return { atMs, reference, levels, others: angles.slice(i + 1) };
      missed.push({ member: reference.member.id, reason: hasSound ? 'steady' : 'no-sound' });
    }
    return undefined;
  }

  /** How far a member is from its present offset; undefined: it has no sound. */
  async match({ atMs, levels }: Place, angle: Angle) {
    const other = await this.#read(angle, atMs, this.#withinMs);
    return other && matchSound(levels, other, { maxOffsetMs: this.#withinMs });
  }

  /** The same some minutes earlier, or later. */
  async matchElsewhere({ reference }: Place, angle: Angle, atMs: number) {
    for (const otherMs of [atMs - ANGLE_LIMITS.secondPlaceMs, atMs + ANGLE_LIMITS.secondPlaceMs]) {
      let place = this.#second.get(otherMs);
      if (!place) {
        place = this.open([reference], otherMs);
        this.#second.set(otherMs, place);
      }
      const opened = await place;
      const match = opened && (await this.match(opened, angle));
      if (match?.isFound) return { atMs: otherMs, match };
    }
    return undefined;
  }

  /** Sound of a member, on the clock of the set and from the place on. */
  async #read(angle: Angle, atMs: number, aroundMs: number): Promise<SoundLevels | undefined> {
    const { offsetMs } = angle.member;
    const fromMs = atMs - offsetMs - aroundMs;
    const range = { fromMs, toMs: atMs - offsetMs + ANGLE_LIMITS.soundMs + aroundMs };
    const sound = await this.#readSound(angle, range, { signal: this.#signal });
    return sound && { fromMs: sound.fromMs + offsetMs - atMs, levels: sound.levels };
  }
}

/** Ten seconds: shorter sound is not compared. */
const LEAST_LEVELS = 1000;

/** Offsets are kept to the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
