/**
 * Which source each slot of a receiver gets.
 * In: participants, the slots of one receiver and what they have. Out: what they get; a slot stays with its
 * source while it sends. Pure.
 */
import type { CallParticipant, CallSource } from '../../../../api/room/call-shapes.ts';

/** A source of a participant. */
export interface AssignedSource {
  readonly participant: string;
  readonly source: CallSource;
}

/** A slot with what it has. */
export interface AssignableSlot {
  readonly kind: 'audio' | 'video';
  readonly assigned: AssignedSource | undefined;
}

/**
 * Assigns the slots of a receiver. A microphone has a slot for as long as its participant is in the call, so
 * that unmuting is heard at once; sources for which there is no slot get none. The picture and the sound of
 * one person get slots of the same number where they are free: browsers play those in step.
 *
 * @param own id of the receiver, who does not get their own sources
 */
export function assignSlots(
  slots: readonly AssignableSlot[],
  participants: readonly CallParticipant[],
  own: string,
): readonly (AssignedSource | undefined)[] {
  const wanted = participants.filter(({ id }) => id !== own).flatMap(sourcesOf);
  const assigned = slots.map(({ assigned: now }) => (now ? wanted.find((one) => isSame(one, now)) : undefined));
  const numbers = numbersOf(slots);
  const place = (one: AssignedSource) => {
    if (assigned.includes(one)) return;
    const kind = kindOf(one);
    const free = slots.flatMap((slot, at) => (slot.kind === kind && !assigned[at] ? [at] : []));
    const pair = assigned.findIndex((each, at) => each?.participant === one.participant && slots[at]!.kind !== kind);
    const beside = pair < 0 ? undefined : free.find((at) => numbers[at] === numbers[pair]);
    // Sound without a picture takes the last slots: the first ones have a picture beside them.
    const hasPicture = wanted.some(({ participant, source }) => participant === one.participant && source === 'camera');
    const at = beside ?? (kind === 'audio' && !hasPicture ? free.at(-1) : free[0]);
    if (at !== undefined) assigned[at] = one;
  };
  for (const source of ['camera', 'screen', 'microphone'] as const)
    for (const one of wanted) if (one.source === source) place(one);
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

function isSame(one: AssignedSource, other: AssignedSource): boolean {
  return one.participant === other.participant && one.source === other.source;
}
