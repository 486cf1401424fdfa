import { createLocalTransport } from './local-transport.ts';
import { transportContract } from './transport.contract.ts';

transportContract('within one process', async () => {
  const errors: unknown[] = [];
  const transport = createLocalTransport((error) => errors.push(error));
  return {
    errors,
    join: async () => transport,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
});
