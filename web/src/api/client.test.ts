import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import {
  type ApiError,
  failureOf,
  getClockOffset,
  getRecordedDays,
  getStream,
  getStreams,
  getTimeline,
  onUnauthorized,
  probeSource,
  readFailure,
} from './client.ts';
import { currentAddress, onServer, renewWatchToken, setWatchToken, watchTokenOf } from './server.ts';

const signal = new AbortController().signal;

function answer(reply: (path: string) => Response | Promise<Response>): string[] {
  const requested: string[] = [];
  mock.method(globalThis, 'fetch', async (path: string) => {
    requested.push(path);
    return reply(path);
  });
  return requested;
}

afterEach(() => mock.restoreAll());

test('a problem document keeps the server’s texts', async () => {
  const title = 'There is no stream of that name';
  const detail = 'There is no stream named cam.';
  const problem = { code: 'stream-unknown', title, status: 404, hint: 'Look.', detail };
  answer(() => Response.json(problem, { status: 404 }));
  await assert.rejects(getStream('cam', signal), (error: ApiError) => {
    const failure = failureOf(error);
    assert.deepEqual(failure, { code: 'stream-unknown', status: 404, title: problem.title, hint: 'Look.', detail });
    return true;
  });
});

test('no response is reported as unreachable', async () => {
  answer(() => Promise.reject(new TypeError('fetch failed')));
  await assert.rejects(getStreams(signal), (error: ApiError) => error.failure.code === 'unreachable');
});

test('a response that is not oxbow’s is reported as unreadable', async () => {
  answer(() => new Response('<html>Bad gateway</html>', { status: 502 }));
  await assert.rejects(getStreams(signal), (error: ApiError) => error.failure.code === 'unreadable');
  answer(() => new Response('<html>hello</html>'));
  await assert.rejects(getStreams(signal), (error: ApiError) => error.failure.code === 'unreadable');
  assert.equal(readFailure(500, 'null').code, 'unreadable');
});

test('all pages of the list are requested', async () => {
  const requested = answer((path) =>
    Response.json(
      path.includes('cursor=a%26b')
        ? { items: [{ name: 'two' }], nextCursor: null }
        : { items: [{ name: 'one' }], nextCursor: 'a&b' },
    ),
  );
  assert.deepEqual(
    (await getStreams(signal)).map(({ name }) => name),
    ['one', 'two'],
  );
  assert.equal(requested.length, 2);
});

test('the timeline is requested in whole unix seconds, rounded outward', async () => {
  const requested = answer(() => Response.json({}));
  await getTimeline('cam', 1_795_160_400_900, 1_795_160_500_100, signal);
  assert.deepEqual(requested, ['/api/v1/streams/cam/timeline?from=1795160400&to=1795160501']);
});

test('recorded days are requested in the time zone of the viewer', async () => {
  const requested = answer(() => Response.json({ days: [{ day: '2026-11-02' }, { day: '2026-11-05' }] }));
  const days = await getRecordedDays('cam', '2026-11-01', '2026-11-30', signal);
  assert.deepEqual([...days], ['2026-11-02', '2026-11-05']);
  const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone);
  assert.deepEqual(requested, [`/api/v1/streams/cam/days?from=2026-11-01&to=2026-11-30&zone=${zone}`]);
});

test('the clock offset is the server’s time minus the middle of the request', async () => {
  const at = Date.now();
  answer(() => Response.json({ now: new Date(at + 60_000).toISOString() }));
  const offset = await getClockOffset(signal);
  assert.ok(Math.abs(offset - 60_000) < 1_000);
});

test('an aborted request is not a failure to show', async () => {
  const controller = new AbortController();
  answer(() => {
    controller.abort();
    return Promise.reject(new DOMException('aborted', 'AbortError'));
  });
  await assert.rejects(getStreams(controller.signal), { name: 'AbortError' });
  assert.throws(() => failureOf(new RangeError('a bug')), RangeError);
});

test('a request that requires signing in is reported, a wrong credential is not', async () => {
  let reports = 0;
  onUnauthorized(() => (reports += 1));
  const refused = (code: string) => () => Response.json({ code, title: '', status: 401 }, { status: 401 });
  answer(refused('sign-in-refused'));
  await assert.rejects(probeSource('https://cam.example/', signal));
  assert.equal(reports, 0);
  answer(refused('unauthorized'));
  await assert.rejects(probeSource('https://cam.example/', signal), (error: ApiError) => error.failure.status === 401);
  assert.equal(reports, 1);
});

test('the playback token is in the path of every request for its stream, and of no other', async () => {
  setWatchToken('cam', 'abc');
  setWatchToken('door', 'not a token');
  const requested = answer(() => Response.json({}));
  await getStream('cam', signal);
  await getTimeline('cam', 0, 1000, signal);
  await getStream('door', signal);
  assert.deepEqual(requested, [
    '/t/abc/api/v1/streams/cam',
    '/t/abc/api/v1/streams/cam/timeline?from=0&to=1',
    '/api/v1/streams/door',
  ]);
  assert.equal(onServer('/live/cam/index.m3u8'), '/t/abc/live/cam/index.m3u8');
  assert.equal(onServer('/api/v1/streams/cam/picture?v=1'), '/t/abc/api/v1/streams/cam/picture?v=1');
  assert.equal(onServer('/thumb/came/1.jpg'), '/thumb/came/1.jpg');
  setWatchToken('cam', null);
});

test('media of a room is requested under the token that was renewed last, of its stream or asset alone', () => {
  const early = 'http://tv.example/t/one/live/yard/v0/g1.m3u8?_HLS_msn=3';
  assert.equal(currentAddress(early), early);
  renewWatchToken('/t/two/live/yard/index.m3u8');
  renewWatchToken('/t/three/assets/a1/index.m3u8');
  renewWatchToken('/live/door/index.m3u8');
  assert.equal(currentAddress(early), 'http://tv.example/t/two/live/yard/v0/g1.m3u8?_HLS_msn=3');
  assert.equal(currentAddress('/t/one/vod/yard/1/2/index.m3u8'), '/t/two/vod/yard/1/2/index.m3u8');
  assert.equal(currentAddress('/t/one/assets/a1/v0/3.m4s'), '/t/three/assets/a1/v0/3.m4s');
  assert.equal(currentAddress('/t/one/live/a1/3.m4s'), '/t/one/live/a1/3.m4s');
  assert.equal(currentAddress('/live/yard/index.m3u8'), '/live/yard/index.m3u8');
  assert.equal(onServer('/thumb/yard/1.jpg'), '/t/two/thumb/yard/1.jpg');
  setWatchToken('yard', null);
});

test('a signed-in browser gets a playback token for a stream that is not public', async () => {
  const requested = answer((path) =>
    Response.json(path.endsWith('/watch-tokens') ? { token: 'own' } : { name: 'attic', visibility: 'private' }),
  );
  await getStream('attic', signal);
  await getStream('attic', signal);
  assert.deepEqual(requested, [
    '/api/v1/streams/attic',
    '/api/v1/streams/attic/watch-tokens',
    '/t/own/api/v1/streams/attic',
  ]);
});

test('an expired token is dropped if the browser is signed in', async () => {
  setWatchToken('hall', 'old');
  const requested = answer((path) =>
    path.startsWith('/t/')
      ? Response.json({ code: 'watch-expired', status: 403 }, { status: 403 })
      : Response.json(path.endsWith('/watch-tokens') ? { token: 'new' } : { name: 'hall', visibility: 'signed' }),
  );
  await getStream('hall', signal);
  assert.equal(requested.length, 3);
  assert.equal(watchTokenOf('hall'), 'new');
});

test('a guest with an expired token gets that answer each time, not that the stream does not exist', async () => {
  setWatchToken('hall', 'old');
  answer((path) => {
    const code = path.startsWith('/t/') ? 'watch-expired' : 'stream-unknown';
    return Response.json({ code, status: 403 }, { status: 403 });
  });
  for (let times = 0; times < 2; times++) {
    await assert.rejects(getStream('hall', signal), (error: ApiError) => error.failure.code === 'watch-expired');
  }
  setWatchToken('hall', null);
});

test('a request without a response fails, and listeners are notified', async () => {
  mock.method(AbortSignal, 'timeout', () => AbortSignal.abort(new DOMException('late', 'TimeoutError')));
  mock.method(globalThis, 'fetch', async (_path: string, init: RequestInit) => {
    init.signal?.throwIfAborted();
    return new Promise(() => {});
  });
  await assert.rejects(getStreams(signal), { failure: readFailure(0, '') });
});

test('a JSON response that is not oxbow’s is unreadable, not a bug', async () => {
  for (const body of [null, {}, { items: 7 }, []]) {
    answer(() => Response.json(body));
    await assert.rejects(getStreams(signal), { failure: readFailure(200, '') }, JSON.stringify(body));
    await assert.rejects(getClockOffset(signal), { failure: readFailure(200, '') }, JSON.stringify(body));
    mock.restoreAll();
  }
});

test('an endless list of streams is not followed forever', async () => {
  const requested = answer(() => Response.json({ items: [], nextCursor: 'again' }));
  assert.deepEqual(await getStreams(signal), []);
  assert.ok(requested.length < 100);
});
