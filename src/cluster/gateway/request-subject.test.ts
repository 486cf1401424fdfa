import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMediaTarget } from '../../api/media-address.ts';
import { type AboutBody, subjectIn, subjectOf, subjectOfMedia } from './request-subject.ts';

const stream = (key: string) => ({ kind: 'stream', key });

for (const [method, target, passed, subject] of [
  ['GET', '/api/v1/streams/cam', 'api', stream('cam')],
  ['PUT', '/api/v1/streams/cam', 'api', stream('cam')],
  ['DELETE', '/api/v1/streams/cam?recordings=delete', 'api', stream('cam')],
  ['POST', '/api/v1/streams/cam/keys/k1/rotate', 'api', stream('cam')],
  ['GET', '/t/abc/api/v1/streams/cam/timeline?from=1', 'api', stream('cam')],
  ['GET', '/api/v1/streams/%63am', 'api', stream('cam')],
  ['GET', '/api/v1/clips?stream=cam', 'api', stream('cam')],
  ['GET', '/api/v1/rooms/R7/socket', 'api', { kind: 'room', key: 'R7' }],
  ['POST', '/api/v1/rooms/R7/call/p1', 'api', { kind: 'room', key: 'R7' }],
  ['PATCH', '/api/v1/assets/a1', 'api', { kind: 'asset', key: 'a1' }],
  ['PATCH', '/api/v1/uploads/u1', 'upload', { kind: 'upload', key: 'u1' }],
  ['GET', '/api/v1/upload/u1/status', 'upload', { kind: 'upload', key: 'u1' }],
  ['PUT', '/api/v1/upload/chunk?upload_id=u1&chunk_number=0', 'upload', { kind: 'upload', key: 'u1' }],
  ['GET', '/api/v1/clips/c1', 'api', { clip: 'c1' }],
  ['POST', '/api/v1/workers/w-a.x_1/claims', 'api', { worker: 'w-a.x_1' }],
  ['POST', '/whip/cam', 'webrtc', stream('cam')],
  ['DELETE', '/whep/cam/s1', 'webrtc', stream('cam')],
  ['GET', '/watch/cam?t=1', 'page', stream('cam')],
  ['GET', '/embed/cam/', 'page', stream('cam')],
  ['GET', '/c/c1', 'page', { clip: 'c1' }],
] as const) {
  test(`${method} ${target} is about ${JSON.stringify(subject)}`, () => {
    assert.deepEqual(subjectOf(method, target), { passed, subject });
  });
}

for (const [method, target] of [
  ['GET', '/api/v1/streams'],
  ['GET', '/api/v1/clips'],
  ['GET', '/api/v1/assets?limit=3'],
  ['POST', '/api/v1/rooms'],
  ['PUT', '/api/v1/uploads/file'],
  ['POST', '/api/v1/uploads'],
  ['GET', '/api/v1/events?stream=cam'],
  ['GET', '/api/v1/streams/%zz'],
  ['GET', '/api/v1/streams/a b'],
  ['GET', '/api/v1/streams/..%2f..'],
  ['GET', '/api/v1/toString/x'],
  ['GET', '/watch/'],
  ['GET', '/watch/cam/more'],
  ['POST', '/watch/cam'],
  ['GET', '/admin/streams'],
  ['GET', '/metrics'],
  ['GET', '/'],
] as const) {
  test(`every node can answer ${method} ${target}`, () => assert.equal(subjectOf(method, target), undefined));
}

test('a body names the stream of what is made of it, and the upload of a chunk', () => {
  const named = (target: string, body: string) =>
    subjectIn(subjectOf('POST', target) as AboutBody, Buffer.from(body)) ?? null;
  assert.deepEqual(named('/api/v1/streams', '{"name":"cam","source":{"type":"push"}}'), stream('cam'));
  assert.deepEqual(named('/api/v1/clips', '{"stream":"cam"}'), stream('cam'));
  assert.deepEqual(named('/api/v1/upload/complete', '{"upload_id":"u1"}'), { kind: 'upload', key: 'u1' });
  for (const body of ['{"name":"cam"', '{"name":7}', '{"name":"a b"}', 'null', '[]'])
    assert.equal(named('/api/v1/streams', body), null);
  const form = '--b\r\nContent-Disposition: form-data; name="upload_id"\r\n\r\nu1\r\n--b\r\n';
  assert.deepEqual(named('/api/v1/upload/chunk', form), { kind: 'upload', key: 'u1' });
  assert.equal(named('/api/v1/upload/chunk', form.slice(0, -8)), null);
});

test('media is about its stream, its asset or its clip; without a name about the default stream', () => {
  const of = (path: string, byDefault?: string) => subjectOfMedia(parseMediaTarget(path)!.address, () => byDefault);
  assert.deepEqual(of('/live/cam/v0/7.2.m4s'), stream('cam'));
  assert.deepEqual(of('/vod/cam/1795000000/60/index.m3u8'), stream('cam'));
  assert.deepEqual(of('/thumb/cam/1795000000.jpg'), stream('cam'));
  assert.deepEqual(of('/live/cam/nothing'), stream('cam'));
  assert.deepEqual(of('/assets/a1/index.m3u8'), { kind: 'asset', key: 'a1' });
  assert.deepEqual(of('/c/c1/clip.mp4'), { clip: 'c1' });
  assert.deepEqual(of('/live/stream.m3u8', 'cam'), stream('cam'));
  assert.equal(of('/live/stream.m3u8'), undefined);
});
