import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { iceServers, turnPassword } from './ice-servers.ts';

suite('STUN and TURN servers', () => {
  const option = iceServers('Servers.');

  test('are a list or text with commas (RFC 7064, RFC 7065)', () => {
    const urls = ['stun:stun.example', 'turn:192.0.2.1:3478?transport=tcp', 'turns:[2001:db8::1]:5349'];
    assert.deepEqual(option.parse(urls), urls);
    assert.deepEqual(option.parse(urls.join(', ')), urls);
    assert.deepEqual(option.parse(''), []);
  });

  test('with another form are refused, without repeating what may have a password', () => {
    for (const url of [
      'turn:user:hidden@turn.example',
      'https://turn.example',
      'turn:turn.example?transport=sctp',
      'stun:stun.example?transport=tcp',
      'turn:turn.example>; rel="x"',
      'turn:',
    ]) {
      assert.throws(
        () => option.parse([url]),
        (error: Error) => error.name === 'FormatError' && !error.message.includes('hidden'),
        url,
      );
    }
  });

  test('have a password that is never printed and fits into a header field', () => {
    const password = turnPassword('Password.');
    assert.equal(password.secret, true);
    assert.equal(password.print(password.parse('pass-word')), '***');
    assert.equal(password.print(password.parse('')), '');
    for (const value of ['a"b', 'a b', 'a\\b', 'a\nb', 'ä']) assert.throws(() => password.parse(value), value);
  });
});
