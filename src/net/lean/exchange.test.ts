import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patience } from '../patience.ts';
import { Exchange } from './exchange.ts';

const piece = Buffer.alloc(32 * 1024, 1);

/** A response of unknown length whose head has arrived. */
function begin() {
  const { signal } = new AbortController();
  const patience = new Patience(60_000, 60_000, () => 'a', { signal });
  let resumed = 0;
  const exchange = new Exchange({ patience, onResume: () => resumed++ });
  exchange.receive(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
  return { exchange, resumed: () => resumed, [Symbol.dispose]: () => patience[Symbol.dispose]() };
}

/** Gives pieces until no more are wanted, at most 100. */
function fill(exchange: Exchange): number {
  let bytes = 0;
  for (let i = 0; i < 100 && exchange.wantsMore; i++) bytes += exchange.receive(piece);
  return bytes;
}

test('64 KiB of a body wait to be read, then 256 KiB while its reader is busy; all of one that is collected', async () => {
  using streamed = begin();
  assert.equal(fill(streamed.exchange), 64 * 1024);
  const first = await streamed.exchange.next();
  assert.equal(Buffer.concat(first!).length, 64 * 1024);
  assert.equal(streamed.resumed(), 1);
  assert.equal(fill(streamed.exchange), 256 * 1024);
  streamed.exchange.end();
  assert.equal(Buffer.concat((await streamed.exchange.next())!).length, 256 * 1024);
  assert.equal(await streamed.exchange.next(), undefined);
  using collected = begin();
  fill(collected.exchange);
  const all = collected.exchange.collect(10_000_000);
  assert.equal(fill(collected.exchange), 100 * piece.length);
  collected.exchange.end();
  assert.equal(Buffer.concat((await all)!).length, 64 * 1024 + 100 * piece.length);
});

test('a body that is collected ends at its limit, with what is received after it', async () => {
  using one = begin();
  const all = one.exchange.collect(100_000);
  for (let i = 0; i < 4; i++) one.exchange.receive(piece);
  assert.equal(await all, undefined);
});
