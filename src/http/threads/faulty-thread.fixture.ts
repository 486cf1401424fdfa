/**
 * A serving thread that fails as a test says: it throws when it is to forget a location named `throw`, stands still at `stand`, and
 * says at `refuse` that it cannot listen.
 * In: messages. Out: that it listens; nothing else works.
 */
import { parentPort } from 'node:worker_threads';
import type { FromThread, ToThread } from './messages.ts';

const say = (message: FromThread): void => parentPort!.postMessage(message);

parentPort!.on('message', (message: ToThread) => {
  if (message.do === 'drain') say({ do: 'drained' });
  if (message.do !== 'forget') return;
  if (message.prefix === 'throw') throw new Error('as the test wished');
  if (message.prefix === 'refuse') say({ do: 'listen-failed', code: 'EADDRINUSE', message: 'taken' });
  while (message.prefix === 'stand');
});
say({ do: 'listening', port: 7 });
