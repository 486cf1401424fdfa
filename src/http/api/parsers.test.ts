import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { acceptsGzip, matchesEtag } from '../../serve/exchange/conditions.ts';
import { pathOf } from '../../serve/exchange/exchange.ts';
import { parseByteRange } from '../../serve/exchange/range.ts';
import { checkJsonDepth } from './json-depth.ts';

suite('any header value', () => {
  test('a range is within the bytes, or there is none', () => {
    const next = seeded(1);
    const letters = 'bytes=0123456789-, \t;99';
    for (let round = 0; round < 2000; round++) {
      const header = Array.from({ length: next(24) }, () => letters[next(letters.length)]).join('');
      const length = next(3) * next(1000);
      const range = parseByteRange(next(2) ? `bytes=${header}` : header, length);
      if (typeof range === 'object')
        assert.ok(range.start >= 0 && range.start < range.end && range.end <= length, header);
    }
  });

  test('conditions and codings give an answer', () => {
    const next = seeded(2);
    const letters = 'W/"abc",*gzip;q=0.1 ';
    for (let round = 0; round < 2000; round++) {
      const header = Array.from({ length: next(40) }, () => letters[next(letters.length)]).join('');
      assert.equal(typeof matchesEtag(header, '"abc"'), 'boolean');
      assert.equal(typeof acceptsGzip(header), 'boolean');
    }
  });
});

suite('nested JSON', () => {
  test('brackets outside of strings count, and the error has the offset of the first one too deep', () => {
    checkJsonDepth('{"a":"[[[[\\"[[[","b":[1]}', 2);
    assert.throws(() => checkJsonDepth('[[{"a":[]}]]', 3), { name: 'FormatError', offset: 7 });
    assert.throws(() => checkJsonDepth('['.repeat(100_000), 32), { name: 'FormatError', offset: 32 });
  });

  test('siblings do not add up', () => checkJsonDepth('[[],[],[],[]]', 2));
});

test('the absolute form of a request target has the path of its origin form (RFC 9112 3.2.2)', () => {
  for (const [target, path] of [
    ['/live/cam?x=1', '/live/cam?x=1'],
    ['http://host:80/live/cam?x=1', '/live/cam?x=1'],
    ['http://host', '/'],
    ['HTTP://host?x=1', '/?x=1'],
    ['*', '*'],
  ] as const) {
    assert.equal(pathOf(target), path);
  }
});
