import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pictureTypeOf } from './picture.ts';

test('the type of a picture comes from its first bytes', () => {
  const types: readonly (readonly [number[], string | undefined])[] = [
    [[0xff, 0xd8, 0xff, 0xe0, 0, 16], 'image/jpeg'],
    [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0], 'image/png'],
    [[...Buffer.from('RIFF'), 36, 0, 0, 0, ...Buffer.from('WEBPVP8 ')], 'image/webp'],
    [[...Buffer.from('RIFF'), 36, 0, 0, 0, ...Buffer.from('WAVEfmt ')], undefined],
    [[...Buffer.from('GIF89a')], undefined],
    [[...Buffer.from('<svg xmlns="http://www.w3.org/2000/svg">')], undefined],
    [[0xff, 0xd8], undefined],
    [[], undefined],
  ];
  for (const [bytes, type] of types) assert.equal(pictureTypeOf(Uint8Array.from(bytes)), type, String(bytes));
});
