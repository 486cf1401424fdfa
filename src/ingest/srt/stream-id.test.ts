import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { parseStreamId } from './stream-id.ts';

const publish = (name: string | undefined, key?: string) => ({ mode: 'publish', name, key });
const request = (name: string, token?: string) => ({ mode: 'request', name, token });

test('the plain form names the mode, the stream and the key', () => {
  assert.deepEqual(parseStreamId('publish:cam:ok_abc'), publish('cam', 'ok_abc'));
  assert.deepEqual(parseStreamId('publish:cam?key=ok_abc'), publish('cam', 'ok_abc'));
  assert.deepEqual(parseStreamId('publish:cam'), publish('cam'));
  assert.deepEqual(parseStreamId('publish:ok_abc'), publish('ok_abc'), 'the access decides that it is a key');
  assert.deepEqual(parseStreamId('ok_abc'), publish(undefined, 'ok_abc'));
  assert.deepEqual(parseStreamId('request:cam'), request('cam'));
  assert.deepEqual(parseStreamId('read:/cam:a-token'), request('cam', 'a-token'));
});

test('the standard form has its pairs in any order, and requests by default', () => {
  assert.deepEqual(parseStreamId('#!::r=cam,m=publish,s=ok_abc'), publish('cam', 'ok_abc'));
  assert.deepEqual(parseStreamId('#!::m=publish,s=ok_abc'), publish(undefined, 'ok_abc'));
  assert.deepEqual(parseStreamId('#!::r=cam'), request('cam'));
  assert.deepEqual(parseStreamId('#!::u=door,r=cam,m=request,s=t,t=stream,h=tv.example,x=1'), {
    ...request('cam', 't'),
    user: 'door',
  });
  assert.deepEqual(parseStreamId('#!::r=cam,m=publish,s=a=b'), publish('cam', 'a=b'), 'a value may have "="');
});

test('other stream ids are rejected with a code and a sentence', () => {
  for (const [text, reject, why] of [
    ['', 'bad-request', /is missing; write publish:NAME:KEY/],
    ['cam', 'bad-request', /does not begin with publish: or request:/],
    ['play:cam', 'bad-request', /does not begin with/],
    ['request:', 'bad-request', /name of the stream is missing/],
    ['publish:\ncam', 'bad-request', /control character/],
    ['#!R::r=cam', 'bad-request', /not supported/],
    ['#!::r=cam,m=bidirectional', 'bad-mode', /m=bidirectional is not supported/],
    ['#!::r=cam,t=file', 'bad-mode', /t=file is not supported/],
    ['#!::r=cam,r=door', 'bad-request', /comes twice/],
    ['#!::cam', 'bad-request', /"cam" is not key=value/],
  ] as const) {
    const parsed = parseStreamId(text);
    assert.ok('reject' in parsed, text);
    assert.equal(parsed.reject, reject, text);
    assert.match(parsed.why, why, text);
  }
});

test('any text gives a request or a rejection', () => {
  const random = seeded(13);
  const pieces = [
    '#!::',
    'r=',
    'm=',
    's=',
    'publish',
    'request',
    ':',
    ',',
    '=',
    '?key=',
    'cam',
    'ok_',
    '%00',
    '\u0000',
    'é',
  ];
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: random(10) }, () => pieces[random(pieces.length)]).join('');
    const parsed = parseStreamId(text);
    assert.ok('reject' in parsed ? parsed.why !== '' : parsed.mode === 'publish' || parsed.name !== '');
  }
});
