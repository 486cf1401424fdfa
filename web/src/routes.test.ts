import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterSignIn, assetPath, goLivePath, parseRoute, signInPath, watchPath } from './routes.ts';

test('the root is home, with and without the file name', () => {
  assert.deepEqual(parseRoute('/', ''), { page: 'home' });
  assert.deepEqual(parseRoute('/index.html', '?x=1'), { page: 'home' });
});

test('the route of a watch page has its stream, and starts now if no time is given', () => {
  assert.deepEqual(parseRoute('/watch/front-door', ''), {
    page: 'watch',
    stream: 'front-door',
    atMs: null,
    span: null,
  });
  assert.deepEqual(parseRoute('/watch/front-door/', ''), {
    page: 'watch',
    stream: 'front-door',
    atMs: null,
    span: null,
  });
});

test('a shared address opens at the shared second', () => {
  const path = watchPath('cam', 1_795_160_123_999);
  assert.equal(path, '/watch/cam?t=1795160123');
  const [pathname, search] = path.split('?');
  assert.deepEqual(parseRoute(pathname!, `?${search}`), {
    page: 'watch',
    stream: 'cam',
    atMs: 1_795_160_123_000,
    span: null,
  });
});

test('all supported time formats open the same time', () => {
  for (const time of ['1795160123', '1795160123000', '2026-11-20T07:35:23Z', '20261120073523']) {
    assert.deepEqual(parseRoute('/watch/cam', `?t=${time}`), {
      page: 'watch',
      stream: 'cam',
      atMs: 1_795_160_123_000,
      span: null,
    });
  }
});

test('an address takes the times that a person types on the page', () => {
  const nowMs = new Date(2026, 10, 22, 15, 0, 30).getTime();
  const at = (hour: number, minute: number, day = 22, second = 0) =>
    new Date(2026, 10, day, hour, minute, second).getTime();
  const opens = (query: string) => {
    const route = parseRoute('/watch/cam', query, nowMs);
    return route.page === 'watch' && { atMs: route.atMs, span: route.span };
  };
  for (const [query, atMs] of [
    ['?t=-10m', at(14, 50, 22, 30)],
    ['?at=-1h%2030m', at(13, 30, 22, 30)],
    ['?t=14:05', at(14, 5)],
    ['?t=16:05', at(16, 5, 21)],
    ['?t=yesterday%2014:00', at(14, 0, 21)],
    ['?t=yesterday+14:00', at(14, 0, 21)],
    ['?t=昨天%2014:00', at(14, 0, 21)],
    ['?t=2026-11-20T14:05:09', at(14, 5, 20, 9)],
    ['?t=14:05%20UTC', Date.UTC(2026, 10, 22, 14, 5) - (Date.UTC(2026, 10, 22, 14, 5) > nowMs ? 86_400_000 : 0)],
    ['?t=now', null],
    ['?t=live', null],
    ['?t=-999999d', null],
  ] as const) {
    assert.deepEqual(opens(query), { atMs, span: null }, query);
  }
  assert.deepEqual(opens('?from=-10m&to=now'), {
    atMs: nowMs - 600_000,
    span: { fromMs: nowMs - 600_000, toMs: nowMs },
  });
});

test('an invalid time means now', () => {
  for (const time of ['tomorrowish', '25:00', '']) {
    const route = parseRoute('/watch/cam', `?t=${time}`);
    assert.deepEqual(route, { page: 'watch', stream: 'cam', atMs: null, span: null }, time);
  }
});

test('an incomplete or invalid span is ignored', () => {
  const span = (search: string) => {
    const route = parseRoute('/watch/cam', search);
    return route.page === 'watch' && route.span;
  };
  assert.deepEqual(span('?from=1795160123&to=1795160130500'), { fromMs: 1_795_160_123_000, toMs: 1_795_160_130_500 });
  for (const search of ['?from=1795160123', '?from=1795160130&to=1795160123', '?from=x&to=1795160130']) {
    assert.equal(span(search), null, search);
  }
});

test('an invalid stream name and an unknown path are page not found', () => {
  for (const path of ['/watch/', '/watch/UPPER', '/watch/a/b', '/watch/..', '/nowhere', `/watch/${'a'.repeat(65)}`]) {
    assert.equal(parseRoute(path, '').page, 'missing', path);
  }
});

test('a shared span opens at its start and keeps its length', () => {
  const span = { fromMs: 1_795_160_123_900, toMs: 1_795_160_130_100 };
  const path = watchPath('cam', span);
  assert.equal(path, '/watch/cam?from=1795160123&to=1795160131');
  assert.deepEqual(parseRoute('/watch/cam', path.slice('/watch/cam'.length)), {
    page: 'watch',
    stream: 'cam',
    atMs: 1_795_160_123_000,
    span: { fromMs: 1_795_160_123_000, toMs: 1_795_160_131_000 },
  });
});

test('a span that ends before it begins, or has only one end, is ignored', () => {
  for (const query of ['?from=1795160131&to=1795160123', '?from=1795160123', '?to=1795160123', '?from=x&to=y']) {
    const route = parseRoute('/watch/cam', query);
    assert.deepEqual(route, { page: 'watch', stream: 'cam', atMs: null, span: null }, query);
  }
});

test('the list of clips is a page, the embedded player is not part of this interface', () => {
  assert.deepEqual(parseRoute('/clips', ''), { page: 'clips' });
  assert.equal(parseRoute('/embed/cam', '').page, 'missing');
});

test('the page for publishing has a stream, or none before one is chosen', () => {
  assert.deepEqual(parseRoute('/go-live', ''), { page: 'go-live', stream: '' });
  assert.deepEqual(parseRoute(goLivePath('studio'), ''), { page: 'go-live', stream: 'studio' });
  assert.equal(parseRoute('/go-live/Not a name', '').page, 'missing');
});

test('the admin page has tabs, the first one by default', () => {
  assert.deepEqual(parseRoute('/admin', ''), { page: 'admin', tab: 'overview' });
  assert.deepEqual(parseRoute('/admin/logs/', ''), { page: 'admin', tab: 'logs' });
  for (const path of ['/admin/nothing', '/admin/logs/door']) assert.equal(parseRoute(path, '').page, 'missing', path);
});

test('signing in returns to the page that required it, and never to another site', () => {
  for (const path of [
    '/admin/logs',
    '/clips',
    '/record?url=https%3A%2F%2Fcam.example%2Flive.m3u8',
    '/watch/cam?t=1795160123',
  ]) {
    assert.equal(afterSignIn(`?${signInPath(path).split('?')[1]}`), path);
  }
  for (const to of [
    '',
    '//evil.example/admin',
    'https://evil.example/admin',
    '/admin/../x',
    '/sign-in',
    '/\\evil.example/',
  ]) {
    assert.equal(afterSignIn(`?to=${to}`), '/', to);
  }
});

test('an asset has a page below the library, and an invalid id has none', () => {
  assert.deepEqual(parseRoute('/library', '?q=sky'), { page: 'library' });
  assert.deepEqual(parseRoute(assetPath('9f8e7d6c'), ''), { page: 'asset', asset: '9f8e7d6c' });
  assert.equal(parseRoute('/library/a%2Fb', '').page, 'missing');
  assert.equal(parseRoute('/library/a/b', '').page, 'missing');
});
