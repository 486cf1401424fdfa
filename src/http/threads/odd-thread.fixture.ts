/**
 * A serving thread that fails as a test says: it throws when it is to forget a file named `throw`, and stands still at `stand`.
 * In: messages. Out: that it listens; nothing else works.
 */
import { parentPort } from 'node:worker_threads';
import type { FromThread, ToThread } from './messages.ts';

const say = (message: FromThread): void => parentPort!.postMessage(message);

parentPort!.on('message', (message: ToThread) => {
  if (message.do === 'leave') say({ do: 'left' });
  if (message.do !== 'forget') return;
  if (message.file === 'throw') throw new Error('as the test wished');
  while (message.file === 'stand');
});
say({ do: 'listens', port: 7 });
