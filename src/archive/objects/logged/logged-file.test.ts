import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { parseKey } from '../upload-object.ts';
import { isLoggedKey, loggedKey, parseLogged, printLogged, withoutLogged } from './logged-file.ts';

const PIECES = [
  { offset: 0, length: 48, bytes: randomBytes(48) },
  { offset: 48, length: 100, key: 'm/2', at: 500 },
  { offset: 148, length: 20, key: 'm/1', at: 40 },
  { offset: 168, length: 12, bytes: randomBytes(12) },
];

suite('the description of a file', () => {
  test('has the same pieces when it is read', () => {
    const { size, objects, pieces } = parseLogged(printLogged(PIECES));
    assert.equal(size, 180);
    assert.deepEqual(objects, ['m/1', 'm/2']);
    const plain = (piece: (typeof pieces)[number]) =>
      'bytes' in piece ? { ...piece, bytes: [...piece.bytes] } : piece;
    assert.deepEqual(
      pieces.map((piece) => plain(piece)),
      PIECES.map((piece) => plain(piece as never)),
    );
  });

  test('is refused when it is not intact', () => {
    const bytes = printLogged(PIECES);
    const random = seeded(5);
    for (let i = 0; i < 500; i++) {
      const broken = Buffer.from(bytes);
      broken[random(broken.length)]! ^= 1 << random(8);
      assert.throws(() => parseLogged(broken), { name: 'FormatError' });
      assert.throws(() => parseLogged(bytes.subarray(0, random(bytes.length))), { name: 'FormatError' });
    }
  });

  test('has a key that earlier versions do not read', () => {
    const key = 'o/12/recordings/s/2026/11/21/15/1-1.mp4';
    const before = /^(\d{1,15})\/([^~]+)(?:~\w+)?$/;
    for (const logged of [loggedKey(key), `${loggedKey(key)}~k3x`]) {
      assert.ok(isLoggedKey(logged));
      assert.deepEqual(parseKey('o', logged), parseKey('o', key));
      assert.ok(!before.test(logged.slice(2)));
    }
    assert.ok(!isLoggedKey(key) && !isLoggedKey(`${key}~k3x`));
    assert.equal(withoutLogged(`${loggedKey(key)}~k3x`), `${key}~k3x`);
    assert.ok(before.test(key.slice(2)));
  });
});
