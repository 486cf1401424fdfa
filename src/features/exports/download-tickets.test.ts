import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DownloadTickets } from './download-tickets.ts';

suite('tickets for downloads', () => {
  test('a ticket is valid for its job for fifteen minutes, any number of times', () => {
    let nowMs = 1_000_000;
    const tickets = new DownloadTickets(() => nowMs);
    const { text, expiresMs } = tickets.issue('m4x-0123456789abcdef');
    assert.equal(expiresMs, nowMs + 900_000);
    assert.match(text, /^[\w.-]+$/, 'it is valid in a path');
    nowMs = expiresMs - 1;
    for (let i = 0; i < 2; i++) assert.equal(tickets.redeem(text), 'm4x-0123456789abcdef');
    nowMs = expiresMs;
    assert.throws(() => tickets.redeem(text), { code: 'unauthorized', message: /expired/ });
  });

  test('a clock with fractions of a millisecond does not change a ticket', () => {
    const tickets = new DownloadTickets(() => 1_000.7331);
    const { text, expiresMs } = tickets.issue('abc-1');
    assert.equal(expiresMs, 901_000);
    assert.equal(tickets.redeem(text), 'abc-1');
  });

  test('a ticket that was changed, or issued by another process, is refused', () => {
    const tickets = new DownloadTickets(() => 0);
    const { text } = tickets.issue('abc-1');
    const foreign = new DownloadTickets(() => 0).issue('abc-1').text;
    const changed = [...text].map(
      (letter, i) => `${text.slice(0, i)}${letter === 'x' ? 'y' : 'x'}${text.slice(i + 1)}`,
    );
    for (const wrong of [
      foreign,
      ...changed,
      '',
      '.',
      'abc-1.900000.',
      text.slice(0, -1),
      `${text}A`,
      'ü'.repeat(40),
    ]) {
      assert.throws(() => tickets.redeem(wrong), { name: 'OxbowError', code: 'unauthorized' }, wrong);
    }
  });

  test('a ticket is accepted with the same key', () => {
    const key = new Uint8Array(32).fill(7);
    const { text } = new DownloadTickets(() => 0, key).issue('abc-1');
    assert.equal(new DownloadTickets(() => 0, key).redeem(text), 'abc-1');
  });
});
