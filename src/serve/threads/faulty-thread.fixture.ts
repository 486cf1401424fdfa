/**
 * A serving thread that fails on command: a `forget` message throws for the location `throw`, blocks for
 * `block`, and reports a failed listen for `refuse`.
 * In: messages. Out: `listening`; everything else is missing.
 */
import { parentPort } from 'node:worker_threads';
import type { FromThread, ToThread } from './messages.ts';

const send = (message: FromThread): void => parentPort!.postMessage(message);

parentPort!.on('message', (message: ToThread) => {
  if (message.do === 'drain') send({ do: 'drained' });
  if (message.do !== 'forget') return;
  if (message.prefix === 'throw') throw new Error('requested by the test');
  if (message.prefix === 'refuse') send({ do: 'listen-failed', code: 'EADDRINUSE', message: 'taken' });
  if (message.prefix === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // for ever, without CPU
});
send({ do: 'listening', port: 7 });
