import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Commands } from './commands.ts';

test('many commands are done one at a time, of each stream the newest', async () => {
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  let atOnce = 0;
  const commands = new Commands(async (stream, isRecorded) => {
    assert.equal(++atOnce, 1);
    await gate.promise;
    done.push(`${stream} ${isRecorded}`);
    atOnce--;
  });
  const taken = Array.from({ length: 1000 }, (_, i) => commands.take('door', i % 2 === 0));
  taken.push(commands.take('yard', true));
  gate.resolve();
  await Promise.all(taken);
  assert.deepEqual(done, ['door true', 'door false', 'yard true']);
});

test('a command that fails holds up no later one', async () => {
  const done: string[] = [];
  const commands = new Commands(async (stream) => {
    if (stream === 'door') throw new Error('broken');
    done.push(stream);
  });
  await assert.rejects(commands.take('door', true), /broken/);
  await commands.take('yard', true);
  assert.deepEqual(done, ['yard']);
});
