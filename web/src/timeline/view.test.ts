import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Past, Stretch } from '../time/past.ts';
import { drawStretches, keyMove, momentAt, place, zoomKey } from './view.ts';

const now = Date.UTC(2026, 0, 31, 20, 0, 0);
const minute = 60_000;
const hour = 60 * minute;
const past = (stretches: Stretch[]): Past => ({ fromMs: now - hour, toMs: now, stretches });
const lastHour = { fromMs: now - hour, toMs: now };

test('a short gap in a long view is still three pixels wide and drawn above the media', () => {
  const drawn = drawStretches(
    past([
      { kind: 'media', fromMs: now - hour, toMs: now - 30 * minute },
      { kind: 'gap', fromMs: now - 30 * minute, toMs: now - 30 * minute + 100, cause: 'crash', detail: '' },
      { kind: 'media', fromMs: now - 30 * minute + 100, toMs: now },
    ]),
    lastHour,
    1000,
  );
  assert.deepEqual(
    drawn.map(({ kind }) => kind),
    ['media', 'gap'], // the two spans touch on the screen
  );
  assert.ok(Math.abs(drawn[1]!.width - 0.3) < 1e-9);
  assert.equal(drawn[1]!.cause, 'crash');
});

test('everything outside of the view is cut off', () => {
  const drawn = drawStretches(
    past([
      { kind: 'offline', fromMs: now - 9 * hour, toMs: now - 5 * hour },
      { kind: 'media', fromMs: now - 5 * hour, toMs: now - 1 },
      { kind: 'gap', fromMs: now - 1, toMs: now + hour },
    ]),
    lastHour,
    500,
  );
  assert.equal(drawn.length, 2);
  for (const { left, width } of drawn) assert.ok(left >= 0 && left + width <= 100 + 1e-9);
});

test('deleted time is drawn below everything else', () => {
  const drawn = drawStretches(
    past([
      { kind: 'media', fromMs: now - hour, toMs: now - 30 * minute },
      { kind: 'deleted', fromMs: now - 30 * minute, toMs: now },
    ]),
    lastHour,
    1000,
  );
  assert.deepEqual(
    drawn.map(({ kind, left }) => [kind, left]),
    [
      ['deleted', 50],
      ['media', 0],
    ],
  );
});

test('ten thousand short spans draw no more elements than the bar has pixels', () => {
  const stretches: Stretch[] = [];
  for (let i = 0; i < 10_000; i += 1) {
    stretches.push({ kind: 'media', fromMs: now - hour + i * 360, toMs: now - hour + i * 360 + 300 });
  }
  assert.ok(drawStretches(past(stretches), lastHour, 800).length <= 800);
});

test('position and time are inverse', () => {
  assert.equal(place(lastHour, momentAt(lastHour, 0.25)), 25);
  assert.equal(momentAt(lastHour, -3), lastHour.fromMs);
  assert.equal(place(lastHour, now + hour), 100);
});

const at = (shownMs: number, key: string, shiftKey = false, firstMs = 0) =>
  keyMove({ key, shiftKey }, shownMs, lastHour, now, firstMs);

test('keys move like a slider, further with Shift, and a move past now is live', () => {
  const shown = now - hour / 2;
  assert.deepEqual(at(shown, 'ArrowLeft'), { toMs: shown - 5_000 });
  assert.deepEqual(at(shown, 'ArrowRight', true), { toMs: shown + minute });
  assert.deepEqual(at(shown, 'PageUp'), { toMs: shown + 5 * minute });
  assert.equal(at(shown, 'End'), 'live');
  assert.equal(at(now - 3_000, 'ArrowRight'), 'live');
  assert.equal(at(shown, 'x'), null);
});

test('a page is a twelfth of the view, so that keys cross a day as well', () => {
  const day = { fromMs: now - 24 * hour, toMs: now };
  assert.deepEqual(keyMove({ key: 'PageDown' }, now - hour, day, now), { toMs: now - 3 * hour });
});

test('no key goes further back than the oldest recording', () => {
  assert.deepEqual(at(now - 30_000, 'Home'), { toMs: lastHour.fromMs });
  assert.deepEqual(at(now - 30_000, 'Home', false, now - minute), { toMs: now - minute });
  assert.deepEqual(
    at(now - 30_000, 'Home', false, now - 5 * hour),
    { toMs: now - 5 * hour },
    'outside of the view, too',
  );
  assert.deepEqual(at(now - 30_000, 'ArrowLeft', true, now - minute), { toMs: now - minute });
});

test('plus and minus are inverse, on keyboards where plus needs no Shift too', () => {
  assert.ok(Number(zoomKey('+')) > 1);
  assert.equal(zoomKey('='), zoomKey('+'));
  assert.ok(Math.abs(Number(zoomKey('+')) * Number(zoomKey('-')) - 1) < 1e-9);
  assert.equal(zoomKey('0'), 'all');
  assert.equal(zoomKey('a'), null);
});
