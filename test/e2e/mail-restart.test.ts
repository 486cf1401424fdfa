import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { openFolder, startServer } from '../fixtures/server.ts';

const adminToken = 'a-token-of-the-test-0123456789';
const password = 'correct horse battery';

test('an e-mail that waits for the mail server is sent after oxbow was killed and started again', async () => {
  await using folder = await openFolder('mail');
  const mails: string[] = [];
  let isBusy = true;
  let tried = Promise.withResolvers<void>();
  const smtp = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    logger: false,
    onRcptTo(_, __, done) {
      if (!isBusy) return done();
      done(Object.assign(new Error('busy'), { responseCode: 451 }));
      tried.resolve();
    },
    onData(stream, _, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        mails.push(Buffer.concat(pieces).toString());
        done();
        tried.resolve();
      });
    },
  });
  smtp.on('error', () => {});
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const { port } = smtp.server.address() as AddressInfo;
  const mail = ['--mail-smtp', `smtp://127.0.0.1:${port}`, '--mail-from', 'oxbow <noreply@tv.example>'];
  const data = `${folder.path}/data`;
  const start = () => startServer({ data, adminToken, args: [...mail, '--public-url', 'https://tv.example'] });
  const json = { 'content-type': 'application/json' };

  {
    await using server = await start();
    const post = (path: string, body: object, headers = {}) =>
      fetch(`${server.url}/api/v1${path}`, {
        method: 'POST',
        headers: { ...json, ...headers },
        body: JSON.stringify(body),
      });
    const made = await post('/users', { name: 'Ada', password }, { authorization: `Bearer ${adminToken}` });
    assert.equal(made.status, 201);
    const signedIn = await post('/sessions', { name: 'Ada', password });
    const headers = {
      ...json,
      cookie: signedIn.headers.getSetCookie()[0]!.split(';')[0]!,
      origin: 'https://tv.example',
    };
    const body = JSON.stringify({ email: 'ada@example.org' });
    const asked = await fetch(`${server.url}/api/v1/me/email`, { method: 'PUT', headers, body });
    assert.equal(asked.status, 202, await asked.text());
    await tried.promise;
    await server.stop('SIGKILL');
  }
  isBusy = false;
  tried = Promise.withResolvers();
  await using again = await start();
  await tried.promise;
  const code = /tv\.example\/verify-email#([\w-]{27})/.exec(mails[0]!)![1]!;
  for (const name of (await readdir(data)).filter((each) => each.startsWith('oxbow.db'))) {
    assert.ok(!(await readFile(`${data}/${name}`)).includes(code), `${name} has the code`);
  }
  const confirmed = await again.fetch('/api/v1/email-verifications', {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ code }),
  });
  assert.equal(confirmed.status, 200, await confirmed.text());
  assert.equal(mails.length, 1);
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
});
