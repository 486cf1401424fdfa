import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replyFor, SIGN_FIELD, signsAtIn, steeredReply } from './signed-addresses.ts';
import { caching, playlistReply } from './text-reply.ts';

const steering = {
  pathways: [
    { id: 'eu', url: 'https://eu.example' },
    { id: 'us', url: 'https://us.example:8443' },
  ],
  server: 'https://tv.example',
  needsToken: true,
};
const list = `#EXTM3U
v0/g7.m3u8
https://eu.example/t/_/live/door/v0/g7.m3u8
#EXT-X-MEDIA:URI="https://us.example:8443/t/_/live/door/a0/g7.m3u8"
`;
const textOf = ({ body }: { readonly body: readonly unknown[] }) => Buffer.from(body[0] as Uint8Array).toString();
const made = (text = list) => steeredReply(steering, (edges) => playlistReply(edges ? text : 'plain', caching.live));

test('each client gets its token at the edges, in an answer that no cache keeps', () => {
  const reply = made();
  for (const token of ['abc', 'e30.e30.x-_']) {
    const { reply: own, fields } = replyFor(reply, token, false);
    assert.equal(textOf(own), list.replaceAll('/t/_/', `/t/${token}/`));
    assert.deepEqual([own.cacheControl, own.length, fields], ['no-store', Buffer.byteLength(textOf(own)), {}]);
  }
  assert.equal(textOf(reply.unsigned!), list, 'the shared one has no token');
});

test('a client without a token gets addresses next to the playlist only', () => {
  const { reply, fields } = replyFor(made(), undefined, false);
  assert.deepEqual([textOf(reply), reply.cacheControl, fields], ['plain', caching.live, {}]);
  assert.equal(textOf(replyFor(made(), undefined, true).reply), 'plain');
});

test('an edge gets the places, and the servers at which it puts tokens in', () => {
  const { reply, fields } = replyFor(made(), 'abc', true);
  assert.equal(textOf(reply), list);
  const servers = ['https://eu.example', 'https://us.example:8443', 'https://tv.example'];
  assert.deepEqual(signsAtIn(fields[SIGN_FIELD]), servers);
  const copy = Object.assign(playlistReply(textOf(reply), caching.live), { signsAt: servers });
  assert.equal(textOf(replyFor(copy, 'xyz', false).reply), list.replaceAll('/t/_/', '/t/xyz/'));
});

test('no other server gets a token, whatever a playlist says', () => {
  const foreign = [
    'https://evil.example/t/_/live/door/v0/g7.m3u8',
    'https://eu.example.evil.example/t/_/live/door/v0/g7.m3u8',
    'https://eu_example/t/_/live/door/v0/g7.m3u8',
    'https://evil.example/?to=https://eu.example/t/_/live/door/',
    'https://user@eu.example/t/_/live/',
    'http://eu.example/t/_/live/door/v0/g7.m3u8',
    'https://us.example/t/_/live/',
    '#EXT-X-SESSION-DATA:URI="//evil.example/t/_/"',
  ].join('\n');
  assert.equal(textOf(replyFor(made(foreign), 'abc', false).reply), foreign);
});

test('a stream for all has one playlist, and a field that names no server counts for nothing', () => {
  const open = steeredReply({ pathways: steering.pathways, server: undefined, needsToken: false }, (edges) =>
    playlistReply(edges ? list : 'plain', caching.live),
  );
  assert.deepEqual([textOf(replyFor(open, 'abc', true).reply), replyFor(open, 'abc', true).fields], [list, {}]);
  for (const field of [
    undefined,
    '',
    '?',
    'javascript:alert(1)',
    'https://',
    ['https://a.example'],
    'x'.repeat(20_000),
  ])
    assert.equal(signsAtIn(field), undefined, String(field).slice(0, 40));
});
