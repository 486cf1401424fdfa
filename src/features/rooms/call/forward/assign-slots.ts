/**
 * Which source each slot of a receiver gets.
 * In: participants, the slots of one receiver and their sources. Out: the new sources; a slot keeps its
 * source while it sends. Pure.
 */
import type { CallParticipant, CallSource } from '../../../../api/room/call-shapes.ts';

/** A source of a participant. */
export interface AssignedSource {
  readonly participant: string;
  readonly source: CallSource;
}

/** A slot with its source. */
export interface AssignableSlot {
  readonly kind: 'audio' | 'video';
  readonly assigned: AssignedSource | undefined;
}

/**
 * Assigns the slots of a receiver. A microphone has a slot for as long as its participant is in the call, so
 * that unmuting is heard at once; sources for which there is no slot get none. The picture and the sound of
 * one person get slots of the same number where they are free: browsers play those in step.
 *
 * @param receiver id; they do not get their own sources
 */
export function assignSlots(
  slots: readonly AssignableSlot[],
  participants: readonly CallParticipant[],
  receiver: string,
): readonly (AssignedSource | undefined)[] {
  const wanted = participants.filter(({ id }) => id !== receiver).flatMap(sourcesOf);
  const assigned = slots.map(({ assigned: now }) => (now ? wanted.find((source) => isSame(source, now)) : undefined));
  const numbers = numbersOf(slots);
  const place = (candidate: AssignedSource) => {
    if (assigned.includes(candidate)) return;
    const kind = kindOf(candidate);
    const free = slots.flatMap((slot, at) => (slot.kind === kind && !assigned[at] ? [at] : []));
    const pair = assigned.findIndex(
      (each, at) => each?.participant === candidate.participant && slots[at]!.kind !== kind,
    );
    const adjacent = pair < 0 ? undefined : free.find((at) => numbers[at] === numbers[pair]);
    // Sound without a picture takes the last slots: the first ones have a picture next to them.
    const hasPicture = wanted.some(
      ({ participant, source }) => participant === candidate.participant && source === 'camera',
    );
    const at = adjacent ?? (kind === 'audio' && !hasPicture ? free.at(-1) : free[0]);
    if (at !== undefined) assigned[at] = candidate;
  };
  for (const source of ['camera', 'screen', 'microphone'] as const)
    for (const candidate of wanted) if (candidate.source === source) place(candidate);
  return assigned;
}

function sourcesOf({ id, camera, screen }: CallParticipant): AssignedSource[] {
  const names: CallSource[] = ['microphone'];
  if (camera) names.push('camera');
  if (screen) names.push('screen');
  return names.map((source) => ({ participant: id, source }));
}

function kindOf({ source }: AssignedSource): 'audio' | 'video' {
  return source === 'microphone' ? 'audio' : 'video';
}

/** The number of each slot among those of its kind. */
function numbersOf(slots: readonly AssignableSlot[]): number[] {
  const next = { audio: 0, video: 0 };
  return slots.map(({ kind }) => next[kind]++);
}

function isSame(source: AssignedSource, other: AssignedSource): boolean {
  return source.participant === other.participant && source.source === other.source;
}
