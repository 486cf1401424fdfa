import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzBothClients } from './fuzz.fixture.ts';

test('1,000 made-up answers are read alike by both clients, and none that node:http refuses', async () => {
  const { both, onlyUsual } = await fuzzBothClients(20261130, 1000);
  assert.ok(both >= 600, `only ${both} were read`);
  assert.ok(onlyUsual < 60, `${onlyUsual} were read by node:http only`);
});
