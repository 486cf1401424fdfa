import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qrPath } from './qr.ts';

test('each run of dark modules is one rectangle', () => {
  const rows = ['  ##', '#  #', '    '].map((row) => [...row].map((module) => module === '#'));
  assert.equal(qrPath(rows), 'M2 0h2v1h-2zM0 1h1v1h-1zM3 1h1v1h-1z');
});
