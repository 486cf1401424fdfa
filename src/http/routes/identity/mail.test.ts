import assert from 'node:assert/strict';
import { beforeEach, suite, test } from 'node:test';
import { MailError } from '../../../accounts/mail/mail-error.ts';
import { asAdmin, shareTestServer, signedInAs } from '../../fixture.ts';

const HOUR_MS = 3_600_000;
const password = 'correct horse battery';

suite('e-mail of accounts', () => {
  const sent: { readonly to: string; readonly subject: string; readonly text: string }[] = [];
  const arrived: (() => void)[] = [];
  let isBroken = false;
  const shared = shareTestServer(() => ({}), {
    identity: {
      openMail: async () => ({
        publicUrl: 'https://tv.example',
        queue: {
          async add({ to, content: { subject, text } }) {
            sent.push({ to, subject, text });
            for (const each of arrived.splice(0)) each();
            return true;
          },
          forget: async () => {},
        },
        transport: {
          async send(to, { subject, text }) {
            if (isBroken) throw new MailError('454 4.7.0\r\nno', true, undefined);
            sent.push({ to, subject, text });
          },
        },
      }),
    },
  });
  beforeEach(() => {
    sent.length = 0;
    isBroken = false;
    shared().clock.advance(HOUR_MS); // new rate limits
  });

  async function ask(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`${shared().url}/api/v1${path}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** The code of the next message; `work` causes it. */
  async function codeOf(work: () => Promise<unknown>): Promise<string> {
    const next = new Promise<void>((resolve) => arrived.push(resolve));
    await work();
    await next;
    return /https:\/\/tv\.example\/[a-z-]+#([\w-]{27})\n/.exec(sent.at(-1)!.text)![1]!;
  }

  async function userWith(name: string, email: string) {
    const user = await signedInAs(shared(), 'user', name);
    await shared().deps.access.users.change(user.user.id, { email, emailVerified: true });
    return user;
  }

  test('a link sets a new password once, within an hour, and ends all sessions and tokens of the user', async () => {
    const { headers } = await userWith('Ada', 'ada@example.org');
    const made = await ask('POST', '/tokens', { label: 'x', scopes: ['account'] }, headers);
    const bearer = { authorization: `Bearer ${made.body.token}` };
    assert.equal((await ask('GET', '/me', undefined, bearer)).body.user.name, 'Ada');
    const code = await codeOf(() => ask('POST', '/password-resets', { email: 'ADA@example.org', language: 'zh' }));
    assert.match(sent[0]!.subject, /重置/);
    const weak = await ask('POST', '/password-resets/complete', { code, password: 'ada' });
    assert.deepEqual([weak.status, weak.body.code], [400, 'bad-password']);
    const done = await ask('POST', '/password-resets/complete', { code, password });
    assert.deepEqual([done.status, done.body.hasPassword], [200, true], JSON.stringify(done.body));
    assert.equal((await ask('GET', '/me', undefined, headers)).body.user, null, 'signed out');
    assert.equal((await ask('GET', '/me', undefined, bearer)).body.user, null, 'the token has ended');
    assert.equal((await ask('POST', '/password-resets/complete', { code, password })).body.code, 'email-code-refused');
    assert.equal((await ask('POST', '/sessions', { name: 'Ada', password })).status, 201);
    const late = await codeOf(() => ask('POST', '/password-resets', { email: 'ada@example.org' }));
    shared().clock.advance(HOUR_MS);
    assert.equal(
      (await ask('POST', '/password-resets/complete', { code: late, password })).body.code,
      'email-code-refused',
    );
  });

  test('a new link replaces the earlier one, and a code is for one purpose', async () => {
    const { headers } = await userWith('Bea', 'bea@example.org');
    const first = await codeOf(() => ask('POST', '/password-resets', { email: 'bea@example.org' }));
    await codeOf(() => ask('POST', '/password-resets', { email: 'bea@example.org' }));
    assert.equal((await ask('POST', '/password-resets/complete', { code: first, password })).status, 403);
    const verify = await codeOf(() => ask('PUT', '/me/email', { email: 'bea2@example.org' }, headers));
    assert.equal((await ask('POST', '/password-resets/complete', { code: verify, password })).status, 403);
  });

  test('the answer is the same for an address that no account has, that is not confirmed, or that is none', async () => {
    await userWith('Cleo', 'cleo@example.org');
    const plain = await signedInAs(shared(), 'user', 'Dora');
    await shared().deps.access.users.change(plain.user.id, { email: 'dora@example.org' });
    const answers = [];
    for (const email of ['unknown@example.org', 'dora@example.org', 'not an address']) {
      answers.push(await ask('POST', '/password-resets', { email }));
    }
    await codeOf(async () => answers.push(await ask('POST', '/password-resets', { email: 'cleo@example.org' })));
    assert.deepEqual(answers, Array(4).fill({ status: 202, body: undefined }));
    assert.deepEqual(
      sent.map(({ to }) => to),
      ['cleo@example.org'],
    );
  });

  test('an address is confirmed by its link; a confirmed one stays until then, and is notified', async () => {
    const { headers, user } = await signedInAs(shared(), 'user', 'Eve');
    const put = (email: string) => ask('PUT', '/me/email', { email }, headers);
    const code = await codeOf(() => put('eve@example.org'));
    assert.deepEqual(emailOf(user.id), ['eve@example.org', false]);
    assert.equal((await ask('POST', '/email-verifications', { code })).status, 200);
    assert.deepEqual(emailOf(user.id), ['eve@example.org', true]);
    assert.equal((await ask('POST', '/email-verifications', { code })).body.code, 'email-code-refused');
    const next = await codeOf(() => put('eve@other.example'));
    assert.deepEqual(emailOf(user.id), ['eve@example.org', true]);
    await ask('POST', '/email-verifications', { code: next });
    assert.deepEqual(emailOf(user.id), ['eve@other.example', true]);
    assert.deepEqual([sent.at(-1)!.to, sent.at(-1)!.subject.includes('has changed')], ['eve@example.org', true]);
    await ask('DELETE', '/me/email', undefined, headers);
    assert.deepEqual(emailOf(user.id), [undefined, false]);
    assert.equal((await put('Eve <eve@example.org>')).body.code, 'bad-email');
  });

  test('an address that another account has confirmed is not confirmed twice', async () => {
    await userWith('Fay', 'fay@example.org');
    const { headers, user } = await signedInAs(shared(), 'user', 'Gus');
    const code = await codeOf(() => ask('PUT', '/me/email', { email: 'fay@example.org' }, headers));
    assert.equal((await ask('POST', '/email-verifications', { code })).body.code, 'email-taken');
    assert.deepEqual(emailOf(user.id), ['fay@example.org', false]);
  });

  test('the links of a deleted account are of no use', async () => {
    const { user } = await userWith('Hal', 'hal@example.org');
    const code = await codeOf(() => ask('POST', '/password-resets', { email: 'hal@example.org' }));
    await shared().deps.access.users.remove(user.id);
    assert.equal((await ask('POST', '/password-resets/complete', { code, password })).body.code, 'email-code-refused');
  });

  test('no mailbox is filled, and no one guesses codes', async () => {
    const statuses = [];
    for (let i = 0; i < 12; i++)
      statuses.push((await ask('POST', '/password-resets', { email: 'x@example.org' })).status);
    assert.deepEqual(statuses.slice(-2), [429, 429]);
    const guesses = [];
    for (let i = 0; i < 7; i++) guesses.push((await ask('POST', '/email-verifications', { code: `guess${i}` })).status);
    assert.deepEqual(guesses.slice(-2), [429, 429]);
  });

  test('an administrator sends an invitation, whose link has its code', async () => {
    const { code } = await shared().deps.access.invitations.make({
      label: '',
      role: 'user',
      usesLeft: 1,
      createdBy: 'admin',
      expiresMs: undefined,
    });
    const body = { email: 'ida@example.org', code };
    assert.equal((await ask('POST', '/mail/invitations', body, asAdmin)).status, 202);
    assert.match(sent[0]!.text, new RegExp(`^https://tv\\.example/sign-up#${code}$`, 'm'));
    const user = await signedInAs(shared(), 'user', 'Ivan');
    assert.equal((await ask('POST', '/mail/invitations', body, user.headers)).status, 403);
  });

  test('an administrator tests the mail server, and gets its words', async () => {
    const test = () => ask('POST', '/mail/test', { email: 'ops@example.org' }, asAdmin);
    assert.equal((await test()).status, 204);
    assert.equal(sent[0]!.to, 'ops@example.org');
    isBroken = true;
    const failed = await test();
    assert.deepEqual([failed.status, failed.body.code], [502, 'mail-failed']);
    assert.match(failed.body.detail, /454 4\.7\.0 no\.$/);
    assert.equal((await ask('POST', '/mail/test', { email: 'ops@example.org' })).status, 401);
  });

  function emailOf(id: string) {
    const { email, emailVerified } = shared().deps.access.users.get(id);
    return [email, emailVerified];
  }
});

suite('without a mail server', () => {
  const shared = shareTestServer();

  test('e-mail is refused as not set up', async () => {
    const response = await fetch(`${shared().url}/api/v1/password-resets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"email":"ada@example.org"}',
    });
    assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [409, 'mail-off']);
  });
});
