import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMediaKeys } from './media-session.ts';

/** A media session that supports all actions but one. */
class FakeSession {
  metadata: unknown = {};
  playbackState = 'playing';
  readonly handlers = new Map<string, MediaSessionActionHandler>();
  setActionHandler(action: string, handler: MediaSessionActionHandler | null) {
    if (action === 'stop') throw new TypeError('unknown action');
    if (handler) this.handlers.set(action, handler);
    else this.handlers.delete(action);
  }
}

test('system media keys perform their actions, with the system’s step if it has one', () => {
  const done: string[] = [];
  const fake = new FakeSession();
  const keys = openMediaKeys(fake as unknown as MediaSession, {
    play: () => done.push('play'),
    pause: () => done.push('pause'),
    step: (seconds) => done.push(`step ${seconds}`),
    goLive: () => done.push('live'),
  });
  const press = (action: MediaSessionAction, seekOffset?: number) =>
    fake.handlers.get(action)!({ action, ...(seekOffset !== undefined && { seekOffset }) });
  press('play');
  press('pause');
  press('seekbackward');
  press('seekforward', 30);
  press('nexttrack');
  assert.deepEqual(done, ['play', 'pause', 'step -10', 'step 30', 'live']);
  keys.close();
  assert.equal(fake.handlers.size, 0);
  assert.deepEqual([fake.metadata, fake.playbackState], [null, 'none']);
});

test('a browser without media sessions is supported', () => {
  openMediaKeys(null, { play() {}, pause() {}, step() {}, goLive() {} }).close();
});
