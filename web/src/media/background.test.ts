import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackgroundPlay, type BackgroundVideo } from './background.ts';

class Page extends EventTarget {
  hidden = false;
  hide(hidden = true): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

function openRig({ muted = false, ended = false } = {}) {
  let nowMs = 0;
  let plays = 0;
  const page = new Page();
  const ends = new AbortController();
  const background = new BackgroundPlay(page as unknown as Document, ends, () => nowMs);
  const video: BackgroundVideo = { paused: true, ended, muted, play: async () => void plays++ };
  return {
    page,
    pass: (ms: number) => (nowMs += ms),
    /** Times that it plays again after a pause. */
    pause(wantsPlay = true): number {
      const before = plays;
      background.paused(video, wantsPlay, () => {});
      return plays - before;
    },
  };
}

test('sound continues when the browser pauses a page that was hidden', () => {
  const { page, pass, pause } = openRig();
  assert.equal(pause(), 0, 'the page is shown: the viewer paused');
  page.hide();
  pass(500);
  assert.equal(pause(), 1);
});

test('the lock screen, a call, and a browser that insists pause it', () => {
  const { page, pass, pause } = openRig();
  page.hide();
  assert.equal(pause(false), 0, 'the viewer paused on the lock screen');
  assert.deepEqual([pause(), pause(), pause(), pause()], [1, 1, 1, 0], 'the browser insists');
  page.hide(false);
  page.hide();
  assert.equal(pause(), 1);
  pass(3_001);
  assert.equal(pause(), 0, 'a call, a while later');
});

test('a silent or ended video is not played again', () => {
  for (const how of [{ muted: true }, { ended: true }]) {
    const { page, pause } = openRig(how);
    page.hide();
    assert.equal(pause(), 0);
  }
});
