import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RecordedGroup } from '../recording-reader.ts';
import type { TimelinePiece } from '../timeline-piece.ts';
import { factOf, gapsOfFact, type HealedFact } from './healed-fact.ts';
import { isHealedMsn, leastHealedMsnAt, liveMsnOf, revisionOf } from './healed-numbers.ts';
import { withHealed } from './healed-pieces.ts';
import { inOrder } from './in-order.ts';

const S = 1_000_000;
const fact: HealedFact = {
  atMs: 1_795_000_000_123,
  source: 'backup',
  how: 'dated',
  errorMs: 0,
  cause: 'source-down',
  detail: 'HTTP 404 seg81.ts',
};

suite('media that was found later', () => {
  test('has numbers that a stream never has, and that are those of its time for content keys', () => {
    const msn = leastHealedMsnAt(1_795_000_000 * S);
    assert.ok(isHealedMsn(msn) && msn < 1e15 && !isHealedMsn(liveMsnOf(msn)));
    assert.equal(liveMsnOf(77), 77);
    assert.ok(leastHealedMsnAt(1_795_000_001 * S) > msn);
  });

  test('changes the revision of its window, also where damage took as many segments', () => {
    assert.notEqual(revisionOf(600, 0), revisionOf(600, 3));
  });

  test('says when, where and why in gaps without a length', () => {
    const gaps = gapsOfFact(fact, 5 * S);
    assert.ok(gaps.every(({ fromUs, toUs, detail }) => fromUs === toUs && Buffer.byteLength(detail) <= 200));
    assert.deepEqual(factOf(gaps), fact);
    const long = gapsOfFact({ ...fact, source: '源'.repeat(200), detail: 'x'.repeat(500) }, 0);
    assert.ok(long.every(({ detail }) => Buffer.byteLength(detail) <= 200));
    assert.equal(factOf(long)?.source.length, 40);
    assert.equal(factOf([]), undefined);
    assert.equal(factOf([gaps[0]!, { ...gaps[1]!, detail: 'healed [17' }]), undefined, 'cut off');
  });

  test('takes the place of gaps and offline time only, and closes less than half a second', () => {
    const piece = (fromS: number, toS: number, kind: TimelinePiece['kind']) => {
      return { fromUs: fromS * S, toUs: toS * S, kind, detail: '' };
    };
    const pieces = [
      piece(0, 10, 'media'),
      piece(10, 20, 'source-down'),
      piece(20, 30, 'media'),
      piece(30, 40, 'offline'),
    ];
    const spans = [
      { fromUs: 8 * S, toUs: 15 * S, fact },
      { fromUs: 15 * S, toUs: 19.7 * S, fact },
      { fromUs: 33 * S, toUs: 35 * S, fact },
    ];
    const shown = withHealed(pieces, spans).map(({ fromUs, toUs, kind, healed }) => {
      return [fromUs / S, toUs / S, kind, healed?.source];
    });
    assert.deepEqual(shown, [
      [0, 10, 'media', undefined],
      [10, 20, 'media', 'backup'],
      [20, 30, 'media', undefined],
      [30, 33, 'offline', undefined],
      [33, 35, 'media', 'backup'],
      [35, 40, 'offline', undefined],
    ]);
    assert.deepEqual(withHealed(pieces, []), pieces);
  });

  test('is between recorded media, and left out where the stream has media of its time', () => {
    const group = (startS: number, msn: number, durationS = 2) => {
      return { startUs: startS * S, durationUs: durationS * S, msn } as RecordedGroup;
    };
    const recorded = [group(0, 1), group(2, 2), group(10, 3), group(12, 4)];
    const found = [group(1, 101), group(4, 102), group(6, 103), group(8, 104), group(9, 105), group(14, 106)];
    const order = () => Array.from(inOrder(recorded, found), ({ msn }) => msn);
    assert.deepEqual(order(), [1, 2, 102, 103, 104, 3, 4, 106]);
    assert.deepEqual(order(), order(), 'it can be walked again');
    assert.deepEqual(
      Array.from(inOrder([], found.slice(0, 2)), ({ msn }) => msn),
      [101, 102],
    );
  });
});
