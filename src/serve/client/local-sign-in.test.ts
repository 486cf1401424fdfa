import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createLocalSignIn, type LocalSignInOptions } from './local-sign-in.ts';

const ends = { remoteAddress: '127.0.0.1', remotePort: 50_000, localAddress: '127.0.0.1', localPort: 8080 };
const here = { isLocal: true };
const make = (change: Partial<LocalSignInOptions> = {}) =>
  createLocalSignIn({
    exposure: { http: { address: '127.0.0.1' } },
    mode: 'auto',
    program: 'oxbow',
    dataFolder: '/srv/oxbow-data',
    isOwn: async () => true,
    ...change,
  });

suite('sign-in without a token', () => {
  test('is offered to the user who runs oxbow, on this computer', async () => {
    assert.equal(await make().isOffered(here, ends), true);
  });

  test('is not offered through a proxy or from another computer', async () => {
    assert.equal(await make().isOffered({ isLocal: false }, ends), false);
  });

  test('is not offered to another user of this computer', async () => {
    assert.equal(await make({ isOwn: async () => false }).isOffered(here, ends), false);
    assert.equal(await make({ isOwn: async () => false, mode: 'on' }).isOffered(here, ends), false);
  });

  test('if the owner cannot be checked, is offered only if the setting says so', async () => {
    assert.equal(await make({ isOwn: async () => undefined }).isOffered(here, ends), false);
    assert.equal(await make({ isOwn: async () => undefined, mode: 'on' }).isOffered(here, ends), true);
    assert.equal(await make({ mode: 'off' }).isOffered(here, ends), false);
  });

  test('is not offered if other computers reach oxbow', async () => {
    assert.equal(await make({ exposure: { http: { address: '0.0.0.0' } } }).isOffered(here, ends), false);
    const published = { http: { address: '127.0.0.1' }, publicUrl: 'https://tv.example' };
    assert.equal(await make({ exposure: published }).isOffered(here, ends), false);
  });
});

test('the command names the data folder, quoted for a shell, but not for clients on other computers', () => {
  assert.equal(make().command(here), 'oxbow token link --data /srv/oxbow-data');
  assert.equal(
    make({ dataFolder: "/srv/my 'tv'" }).command(here),
    String.raw`oxbow token link --data '/srv/my '\''tv'\'''`,
  );
  assert.equal(make().command({ isLocal: false }), 'oxbow token link --data DATA_FOLDER');
});
