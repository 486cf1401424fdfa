import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import type { CallParticipant } from '../../../../api/room/call-shapes.ts';
import { type AssignableSlot, type AssignedSource, assignSlots } from './assign-slots.ts';

function person(id: string, media: Partial<CallParticipant> = {}): CallParticipant {
  return { id, user: id, name: id, microphone: true, camera: false, screen: false, ...media };
}

function emptySlots(audio: number, video: number): AssignableSlot[] {
  const of = (kind: 'audio' | 'video', count: number) =>
    Array.from({ length: count }, (): AssignableSlot => ({ kind, assigned: undefined }));
  return [...of('audio', audio), ...of('video', video)];
}

/** What a round of assignments leaves in the slots. */
function assigned(slots: readonly AssignableSlot[], people: readonly CallParticipant[]): AssignableSlot[] {
  return assignSlots(slots, people, 'me').map((one, at) => ({ kind: slots[at]!.kind, assigned: one }));
}

const print = (slots: readonly AssignableSlot[]) =>
  slots.map(({ assigned: one }) => (one ? `${one.participant} ${one.source}` : ''));

test('a picture and the sound of its person get slots of the same number; sound alone gets the last ones', () => {
  const slots = assigned(emptySlots(4, 2), [person('me'), person('ann'), person('ben', { camera: true })]);
  assert.deepEqual(print(slots), ['ben microphone', '', '', 'ann microphone', 'ben camera', '']);
});

test('a slot stays with its source, also while the person is muted, and is free when the source ends', () => {
  const before = assigned(emptySlots(4, 2), [person('ann', { camera: true }), person('ben', { camera: true })]);
  const after = assigned(before, [person('ben', { microphone: false, camera: true }), person('cid', { screen: true })]);
  assert.deepEqual(print(after), ['cid microphone', 'ben microphone', '', '', 'cid screen', 'ben camera']);
});

test('sources without a free slot get none', () => {
  const people = ['ann', 'ben', 'cid'].map((id) => person(id, { camera: true }));
  assert.deepEqual(print(assigned(emptySlots(1, 0), people)), ['ann microphone']);
});

test('with random changes no source has two slots, none has one of another kind, and all have one while there is room', () => {
  const random = seeded(31);
  let slots = emptySlots(15, 8);
  for (let i = 0; i < 2000; i++) {
    const ids = Array.from({ length: 15 }, (_, n) => `p${n}`).filter(() => random(3) > 0);
    let pictures = 8;
    const people = [
      person('me', { camera: true }),
      ...ids.map((id) => {
        const camera = random(2) === 0 && pictures-- > 0;
        return person(id, { camera, screen: random(8) === 0 && pictures-- > 0 });
      }),
    ];
    const before = slots;
    slots = assigned(slots, people);
    const given = slots.flatMap(({ assigned: one }) => one ?? []);
    const wanted = people.slice(1).reduce((sum, { camera, screen }) => sum + 1 + Number(camera) + Number(screen), 0);
    assert.equal(given.length, wanted);
    assert.equal(new Set(given.map((one) => `${one.participant} ${one.source}`)).size, wanted);
    const isSound = ({ source }: AssignedSource) => source === 'microphone';
    assert.ok(slots.every(({ kind, assigned: one }) => !one || isSound(one) === (kind === 'audio')));
    for (const [at, { assigned: now }] of before.entries()) {
      const isStill = now && given.some((one) => one.participant === now.participant && one.source === now.source);
      if (isStill) assert.deepEqual(slots[at]!.assigned, now);
    }
  }
});
