import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshnessOf, keptRefusalMs, parseCacheControl, validatorOf } from './freshness.ts';

test('a copy is fresh for max-age less the Age that it had when it came (RFC 9111 4.2)', () => {
  const found = freshnessOf({ 'cache-control': 'public, max-age=10', age: '4' }, 100_000);
  assert.equal(found.freshUntilMs, 106_000);
  assert.equal(found.bornMs, 96_000);
  assert.ok(found.isStorable && !found.isPrivate && !found.isImmutable);
});

test('s-maxage is for shared caches and wins over max-age (RFC 9111 5.2.2.10)', () => {
  assert.equal(freshnessOf({ 'cache-control': 'max-age=10, s-maxage=2' }, 0).freshUntilMs, 2000);
});

test('no-store, no lifetime and Vary: * make no copy; no-cache makes one that is never fresh', () => {
  assert.equal(freshnessOf({ 'cache-control': 'no-store' }, 0).isStorable, false);
  assert.equal(freshnessOf({}, 0).isStorable, false);
  assert.equal(freshnessOf({ 'cache-control': 'max-age=9', vary: '*' }, 0).isStorable, false);
  assert.equal(freshnessOf({ 'cache-control': 'no-cache, max-age=9' }, 5).freshUntilMs, 5);
});

test('private is reported, since the edge checks who may have the copy', () => {
  const found = freshnessOf({ 'cache-control': 'private, max-age=31536000, immutable' }, 0);
  assert.ok(found.isStorable && found.isPrivate && found.isImmutable);
});

test('a missing object is remembered for half a second, one that is gone as long as its origin says', () => {
  assert.equal(keptRefusalMs(404, { 'cache-control': 'no-store' }), 500);
  assert.equal(keptRefusalMs(410, { 'cache-control': 'public, max-age=60' }), 60_000);
  assert.equal(keptRefusalMs(403, {}), 0);
});

test('the validator is that of the uncompressed form', () => {
  assert.equal(validatorOf({ etag: '"abc-gz"', 'content-encoding': 'gzip' }), 'abc');
  assert.equal(validatorOf({ etag: '"abc-gz"' }), 'abc-gz');
  assert.equal(validatorOf({}), undefined);
});

test('directives have any case and quoted values (RFC 9111 5.2)', () => {
  const found = parseCacheControl('Max-Age="7" , IMMUTABLE');
  assert.equal(found.get('max-age'), '7');
  assert.ok(found.has('immutable'));
});
