import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qrPath } from './qr.ts';

test('a code has its quiet zone and its three finder patterns', () => {
  const { path, size } = qrPath('srt://tv.example:8890?streamid=publish:studio:ok_abc');
  const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)/g)].map(([, x, y, width]) => [
    Number(x),
    Number(y),
    Number(width),
  ]);
  assert.ok(runs.every(([x, y, width]) => x! >= 4 && y! >= 4 && x! + width! <= size - 4 && y! < size - 4));
  const top = runs.filter(([, y]) => y === 4);
  assert.deepEqual(top[0], [4, 4, 7], 'the finder pattern on the left is seven modules wide');
  assert.deepEqual(top.at(-1), [size - 11, 4, 7]);
});
