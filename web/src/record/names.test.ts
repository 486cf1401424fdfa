import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStreamName } from '../../../src/api/stream-name.ts';
import { suggestName } from './names.ts';

test('the name is derived from the title, otherwise from the host', () => {
  assert.equal(
    suggestName('Das große Fußball-Spiel: Köln – Bonn!', 'https://x.example/', []),
    'das-gro-e-fu-ball-spiel-koln-bonn',
  );
  assert.equal(suggestName('', 'https://www.cam.example:8080/live.m3u8', []), 'cam-example');
  assert.equal(suggestName('东京塔', ' https://tv.example/ ', []), 'tv-example');
  assert.equal(suggestName('', 'no address', []), 'stream');
});

test('a name that is taken is numbered', () => {
  assert.equal(suggestName('Harbour', 'x', ['harbour', 'harbour-2']), 'harbour-3');
});

test('any title gives a valid name', () => {
  for (const title of ['a'.repeat(300), '-'.repeat(80), `${'word '.repeat(30)}`, '😀 live 😀', '___', 'É'.repeat(64)]) {
    const name = suggestName(title, 'https://cam.example/', []);
    assert.ok(isStreamName(name), title);
    assert.ok(name.length <= 45, name);
  }
});
