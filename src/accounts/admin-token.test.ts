import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createAdminGate } from './admin-token.ts';

suite('the admin token', () => {
  test('is accepted as a bearer token, whatever the case of the scheme (RFC 6750, RFC 9110 11.1)', () => {
    const gate = createAdminGate('secret');
    assert.ok(gate.isAdmin('Bearer secret'));
    assert.ok(gate.isAdmin('bearer  secret '));
    gate.requireAdmin('Bearer secret');
  });

  test('is required: nothing else is accepted', () => {
    const gate = createAdminGate('secret');
    for (const header of [
      undefined,
      '',
      'secret',
      'Basic secret',
      'Bearer',
      'Bearer ',
      'Bearer secre',
      'Bearer secrets',
      'Bearer SECRET',
      'Bearer secret x',
    ]) {
      assert.equal(gate.isAdmin(header), false, header);
      assert.throws(() => gate.requireAdmin(header), { name: 'OxbowError', code: 'unauthorized' });
    }
  });

  for (const unset of [undefined, '']) {
    test(`without a token (${unset}) every request is refused, with a hint how to set one`, () => {
      const gate = createAdminGate(unset);
      assert.equal(gate.isAdmin('Bearer '), false);
      assert.equal(gate.isAdmin('Bearer undefined'), false);
      assert.throws(
        () => gate.requireAdmin('Bearer x'),
        (error: { extra: { hint: string } }) => /--admin-token/.test(error.extra.hint),
      );
    });
  }
});
