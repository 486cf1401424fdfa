/**
 * A thread that compares one password with a bcrypt hash: in JavaScript that takes a few hundred ms, which
 * would hold up the main thread.
 * In: BcryptOrder as `workerData`. Out: one message, whether they match.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** The password and hash to compare. */
export interface BcryptOrder {
  readonly password: string;
  readonly hash: string;
}

const { password, hash } = workerData as BcryptOrder;
parentPort!.postMessage(compareSync(password, hash));
