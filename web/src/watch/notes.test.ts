import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type Failure, readFailure } from '../api/client.ts';
import type { Note } from '../media/state.ts';
import { text } from '../text/text.ts';
import { NoteTimer, noteText } from './notes.ts';

const words = {
  t: (key: Parameters<typeof text>[1], values?: Readonly<Record<string, string>>) => text('en', key, values),
  moment: (atMs: number) => `moment ${atMs}`,
  reason: ({ code }: Failure) => code,
};
const state = (note: Note | null, tryingLive = false) => ({ note, tryingLive });
const gap: Note = { key: 'note.skipped', skipped: { kind: 'gap', fromMs: 0, toMs: 7, cause: 'disk' } };

test('a jump over a gap names its cause and the new time; any other jump says that the stream was not live', () => {
  assert.equal(
    noteText(state(gap), words),
    'Nothing is recorded there: the disk was full or failed. Skipped to moment 7.',
  );
  const offline: Note = { key: 'note.skipped', skipped: { kind: 'offline', fromMs: 0, toMs: 9 } };
  assert.equal(noteText(state(offline), words), 'The stream was not live then. Skipped to moment 9.');
  assert.equal(noteText(state({ key: 'note.nothingAfter' }), words), 'Nothing is recorded after this point.');
  const failed: Note = { key: 'note.failed', failure: readFailure(0, '') };
  assert.equal(noteText(state(failed), words), 'Could not be loaded: unreachable.');
  assert.equal(
    noteText(state({ key: 'note.missing', toMs: 5 }), words),
    'Part of the recording is missing there. Skipped to moment 5.',
  );
  assert.equal(noteText(state(null), words), '');
});

test('a retry of live is shown as long as it lasts, unless there is a note', () => {
  assert.equal(noteText(state(null, true), words), 'Live is not available right now. Trying again…');
  assert.match(noteText(state(gap, true), words), /^Nothing is recorded there/);
});

test('a note is removed once, after a while, and the same note again does not last longer', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let forgotten = 0;
    const timer = new NoteTimer(() => {
      forgotten += 1;
    });
    timer.show(gap);
    mock.timers.tick(5_000);
    timer.show(gap);
    mock.timers.tick(3_000);
    await Promise.resolve();
    assert.equal(forgotten, 1);
    timer.show({ ...gap });
    timer.close(); // the page is closed
    mock.timers.tick(60_000);
    await Promise.resolve();
    assert.equal(forgotten, 1);
  } finally {
    mock.timers.reset();
  }
});
