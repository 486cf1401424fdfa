import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LiveElsewhere } from './live-elsewhere.ts';

suite('live streams of other nodes', () => {
  test('of which nothing is known are read once at a time, also where they were deleted', async () => {
    const remote = { of: () => undefined, isLive: () => true, askLive: async () => true };
    const store = {} as ConstructorParameters<typeof LiveElsewhere>[0]['store'];
    const elsewhere = new LiveElsewhere({ store, remote, failed: (error) => assert.fail(String(error)) });
    const answers: (() => void)[] = [];
    elsewhere.read = () => new Promise((resolve) => answers.push(() => resolve(undefined)));
    for (let i = 0; i < 5; i++) assert.equal(elsewhere.isLive('gone'), false);
    assert.equal(answers.length, 1);
    answers[0]!();
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    assert.equal(elsewhere.isLive('gone'), false);
    assert.equal(answers.length, 2);
  });
});
