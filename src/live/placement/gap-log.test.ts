import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { GapLog } from './gap-log.ts';

const short = (log: GapLog, fromUs: number, toUs: number) =>
  log.cover(fromUs, toUs).map(({ fromUs: from, toUs: to, cause, detail }) => [from, to, cause, detail]);

suite('why media is missing', () => {
  test('a hole without a noted cause was skipped by the source', () => {
    assert.deepEqual(short(new GapLog(), 10, 30), [
      [10, 30, 'source-skipped', 'the source continued later than it left off'],
    ]);
  });

  test('an empty stretch has no gap', () => {
    assert.deepEqual(new GapLog().cover(10, 10), []);
    assert.deepEqual(new GapLog().cover(10, 9), []);
  });

  test('the first cause of a hole applies from the end of the media', () => {
    const log = new GapLog();
    log.note('source-down', 'HTTP 503', 15);
    log.note('bad-media', 'later', 20);
    assert.deepEqual(short(log, 10, 30), [[10, 30, 'source-down', 'HTTP 503']]);
    assert.deepEqual([log.open, log.current?.cause], [true, 'source-down']);
  });

  test('a gap that turns into offline, and back, becomes three gaps', () => {
    const log = new GapLog();
    log.note('source-down', 'a', 15);
    log.note('offline', 'stopped', 20);
    log.note('offline', 'again', 21);
    log.note('crash', 'b', 25);
    assert.deepEqual(short(log, 10, 30), [
      [10, 20, 'source-down', 'a'],
      [20, 25, 'offline', 'stopped'],
      [25, 30, 'crash', 'b'],
    ]);
    assert.equal(log.current?.detail, 'b');
  });

  test('what was known before the process started comes first', () => {
    const log = new GapLog();
    log.note('source-down', 'now', 40);
    log.seed([{ fromUs: 12, toUs: 12, cause: 'offline', detail: 'oxbow was not running' }]);
    assert.deepEqual(short(log, 10, 50), [
      [10, 40, 'offline', 'oxbow was not running'],
      [40, 50, 'source-down', 'now'],
    ]);
  });

  test('media that flows closes the hole', () => {
    const log = new GapLog();
    log.note('disk', '', 15);
    log.clear();
    assert.deepEqual([log.open, log.current], [false, undefined]);
    assert.deepEqual(short(log, 10, 20), [[10, 20, 'source-skipped', 'the source continued later than it left off']]);
  });

  test('details are cut at 200 characters, reasons at 64', () => {
    const log = new GapLog();
    for (let i = 0; i < 200; i++) log.note(i % 2 ? 'offline' : 'crash', 'x'.repeat(300), i);
    const pieces = log.cover(-1, 1000);
    assert.equal(pieces.length, 64);
    assert.equal(pieces[0]!.detail.length, 200);
    assert.equal(pieces.at(-1)!.toUs, 1000);
  });

  test('whatever is noted, the pieces join without seams and each is longer than nothing (rule 5)', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const log = new GapLog();
      let atUs = random(50);
      const past = Array.from({ length: random(3) }, () => {
        atUs += random(10);
        return { fromUs: atUs, toUs: atUs, cause: random(2) ? ('offline' as const) : ('crash' as const), detail: '' };
      });
      log.seed(past);
      for (let i = random(6); i > 0; i--) {
        // Now and then the clock is set back.
        atUs += random(20) - (random(4) === 0 ? 15 : 0);
        log.note(random(2) ? 'offline' : 'source-down', '', atUs);
      }
      const fromUs = random(120);
      const toUs = fromUs + 1 + random(120);
      const pieces = log.cover(fromUs, toUs);
      assert.equal(pieces[0]!.fromUs, fromUs);
      assert.equal(pieces.at(-1)!.toUs, toUs);
      for (const [i, piece] of pieces.entries()) {
        assert.ok(piece.toUs > piece.fromUs, `seed ${seed}`);
        if (i > 0) assert.equal(piece.fromUs, pieces[i - 1]!.toUs, `seed ${seed}`);
      }
    }
  });
});
