import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import { listIceServers } from './ice-servers.ts';

const none = {
  webrtcIceServers: [],
  webrtcTurnSecret: undefined,
  webrtcTurnUser: '',
  webrtcTurnPassword: '',
};

suite('STUN and TURN servers of clients', () => {
  test('are none by default', () => {
    assert.deepEqual(listIceServers(none, 0), []);
  });

  test('have the account of the settings, of TURN servers alone', () => {
    const webrtcIceServers = ['stun:stun.example', 'turn:turn.example?transport=tcp', 'turns:turn.example'];
    const settings = { ...none, webrtcIceServers, webrtcTurnUser: 'user', webrtcTurnPassword: 'pass-word' };
    const account = { username: 'user', credential: 'pass-word' };
    assert.deepEqual(listIceServers(settings, 0), [
      { url: 'stun:stun.example' },
      { url: 'turn:turn.example?transport=tcp', ...account },
      { url: 'turns:turn.example', ...account },
    ]);
  });

  test('have credentials that expire after 12 h, with a secret (draft-uberti-behave-turn-rest-00 2.2)', () => {
    const secret = 'shared-with-the-turn-server';
    const settings = { ...none, webrtcIceServers: ['turn:turn.example'], webrtcTurnSecret: secret };
    const nowMs = Date.UTC(2026, 0, 1);
    const [server] = listIceServers(settings, nowMs);
    assert.equal(server!.username, `${nowMs / 1000 + 12 * 3600}:oxbow`);
    assert.equal(server!.credential, createHmac('sha1', secret).update(server!.username!).digest('base64'));
    assert.ok(!JSON.stringify(server).includes(secret));
  });
});
