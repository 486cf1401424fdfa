import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseServer, storeSection } from './store-section.ts';

const { url } = storeSection.children;

test('the address of a database server is taken in the forms of PostgreSQL, and never printed', () => {
  for (const address of [
    'postgres://oxbow:secret@db.example:5432/oxbow',
    'postgresql://db.example/oxbow?sslmode=verify-full',
    'postgres:///oxbow?host=/run/postgresql',
  ]) {
    assert.equal(url.parse(address), address);
    assert.equal(url.print(url.parse(address)), '***');
  }
  assert.equal(url.parse(''), undefined);
});

test('other addresses are refused without their password', () => {
  for (const address of [
    'mysql://me:secret@db/oxbow',
    'db.example',
    'postgres://me:secret@db',
    'postgres://me:secret@db/',
    7,
  ]) {
    assert.throws(
      () => url.parse(address),
      (error: Error) => error.name === 'FormatError' && !error.message.includes('secret'),
    );
  }
});

test('without an address there is no server', () => {
  const more = { replicaUrl: undefined, replicaLag: 2000, pool: 10 };
  assert.equal(databaseServer({ url: undefined, ...more }), undefined);
  assert.equal(databaseServer({ url: 'postgres://db/oxbow', ...more })?.url, 'postgres://db/oxbow');
});

test('shards have names and addresses, in a map or in one text; only the names are printed', () => {
  const { shards } = storeSection.children;
  const [b, c] = ['postgres://me:secret@b/oxbow', 'postgresql://me:secret@c/oxbow?sslmode=require'];
  assert.deepEqual(shards.parse({ b, c }), { b, c });
  assert.deepEqual(shards.parse(` b=${b}  c=${c} `), { b, c });
  assert.equal(shards.print(shards.parse({ b, c })), 'b=*** c=***');
  assert.deepEqual(shards.parse(''), {});
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`s${i}`, b]));
  for (const value of [{ 'B!': b }, { b: 'mysql://me:secret@b/x' }, `b=${b} b=${c}`, b, [b], many]) {
    assert.throws(
      () => shards.parse(value),
      (error: Error) => error.name === 'FormatError' && !error.message.includes('secret'),
    );
  }
});
