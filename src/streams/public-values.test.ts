import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutAddresses } from './public-values.ts';

const pulled = (url: string) => ({ type: 'pull', url, headers: {} }) as const;

test('viewers see neither hosts nor keys of a source in an error text', () => {
  const source = pulled('https://cam.example:8443/live/k3y-9x8y7z6w5v/k3y4k3y4k3y4.m3u8');
  for (const [text, shown] of [
    ['', ''],
    ['https://cam.example:8443/live/k3y-9x8y7z6w5v/i.m3u8 answered with HTTP 404.', 'i.m3u8 answered with HTTP 404.'],
    ['https://cam.example:8443/live/k3y4k3y4k3y4.m3u8 is HTML.', 'the source is HTML.'],
    ['EXT-X-GAP k3y4k3y4k3y4-12.ts', 'EXT-X-GAP ***-12.ts'],
    ['cam.example:8443 refuses connections.', 'the source refuses connections.'],
  ] as const)
    for (const _ of [1, 2]) assert.equal(withoutAddresses(text, source), shown);
  assert.equal(
    withoutAddresses('the playlist ends', pulled('https://cam.example/playlist/i.m3u8')),
    'the playlist ends',
  );
});
