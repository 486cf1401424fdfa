/**
 * Compares passwords of imported accounts with their bcrypt hashes, once per account: after that they have
 * another hash.
 * In: a password, a hash. Out: whether they match. Each comparison has its own thread; HashQueue bounds
 * their number.
 */
import { Worker } from 'node:worker_threads';
import { startedFile } from '../../lib/program-files.ts';
import type { BcryptOrder } from './bcrypt-worker.ts';

/** Whether a password has this hash. Rejects if the thread fails. */
export function matchesBcrypt(password: string, hash: string): Promise<boolean> {
  const order: BcryptOrder = { password, hash };
  const worker = new Worker(startedFile('accounts/users/bcrypt-worker'), {
    name: 'oxbow-bcrypt',
    execArgv: [],
    workerData: order,
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 32 },
  });
  worker.unref(); // it holds up no shutdown
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread that compares passwords has ended')));
  });
}
