import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from './outbox.ts';

const chat = (id: string) => ({ t: 'chat' as const, id, text: 'Hello' });
const command = (id: string) => ({ t: 'command' as const, id, rev: 1, do: 'pause' as const });

test('a message is sent again, under the same id and in order, until it is acknowledged', async () => {
  const outbox = new Outbox();
  const sent: string[] = [];
  const send = ({ id = '' }: { readonly t: string; readonly id?: string }) => sent.push(id) > 0;
  const first = outbox.add(chat('first'), send);
  const second = outbox.add(chat('second'), () => false);
  outbox.lost();
  outbox.resend(send);
  assert.deepEqual(sent, ['first', 'first', 'second']);
  outbox.answer({ t: 'ack', id: 'first', seq: 7 });
  outbox.answer({ t: 'refused', id: 'second', code: 'muted', detail: 'You are muted.', retryAfterMs: 500 });
  assert.deepEqual(await first, { ok: true, seq: 7 });
  assert.deepEqual(await second, { ok: false, code: 'muted', detail: 'You are muted.', retryAfterMs: 500 });
  assert.deepEqual(outbox.messages, []);
});

test('a request for the remote is answered with the number of people who were asked, and is never repeated', async () => {
  const outbox = new Outbox();
  const ask = (id: string) => ({ t: 'ask' as const, id, for: 'control' as const });
  const one = outbox.add(ask('one'), () => true);
  assert.deepEqual(outbox.messages, []);
  outbox.answer({ t: 'ack', id: 'one', to: 2 });
  assert.deepEqual(await one, { ok: true, to: 2 });
  const two = outbox.add(ask('two'), () => true);
  outbox.lost();
  assert.deepEqual(await two, { ok: false, code: 'lost', detail: '' });
});

test('a reaction, a deletion and a vote wait for a connection, and are sent once, behind the messages', () => {
  const outbox = new Outbox();
  const sent: string[] = [];
  const send = (message: { readonly t: string }) => sent.push(message.t) > 0;
  const none = () => false;
  assert.ok(outbox.post({ t: 'react', seq: 1, emoji: '👍', on: true }, send));
  assert.deepEqual(sent.splice(0), ['react']);
  void outbox.add(chat('first'), none);
  assert.ok(outbox.post({ t: 'react', seq: 1, emoji: '👍', on: false }, none));
  assert.ok(outbox.post({ t: 'vote', poll: 'p', choices: [0] }, none));
  outbox.lost();
  outbox.resend(send);
  assert.deepEqual(sent.splice(0), ['chat', 'react', 'vote']);
  outbox.resend(send);
  assert.deepEqual(sent, ['chat']);
  for (let n = 0; n < 64; n++) assert.ok(outbox.post({ t: 'delete', seq: n }, none));
  assert.equal(outbox.post({ t: 'delete', seq: 64 }, none), false);
});

test('a command is never repeated: without its connection it ends', async () => {
  const outbox = new Outbox();
  assert.deepEqual(await outbox.add(command('one'), () => false), { ok: false, code: 'lost', detail: '' });
  const two = outbox.add(command('two'), () => true);
  outbox.lost();
  assert.deepEqual(await two, { ok: false, code: 'lost', detail: '' });
});

test('the number of messages that wait is bounded', async () => {
  const outbox = new Outbox();
  for (let n = 0; n < 64; n++) void outbox.add(chat(`message-${n}`), () => false);
  assert.deepEqual(await outbox.add(chat('more'), () => true), { ok: false, code: 'full', detail: '' });
});
