import { createManualClock } from '../lib/clock.ts';
import { createLocalPresence, createLocalRegistry } from './local-registry.ts';
import { presenceContract } from './presence.contract.ts';
import { registryContract } from './stream-registry.contract.ts';

registryContract('this process', async () => {
  const clock = createManualClock();
  return { registry: createLocalRegistry(clock), clock, async [Symbol.asyncDispose]() {} };
});

presenceContract('this process', async () => {
  const clock = createManualClock();
  return { presence: createLocalPresence(clock), clock, async [Symbol.asyncDispose]() {} };
});
