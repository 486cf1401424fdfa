import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import type { SMTPServerOptions } from 'smtp-server';
import { createNet } from '../../net/net.ts';
import { readEmail } from './email-address.ts';
import type { MailError } from './mail-error.ts';
import { mailLanguageOf, writeMail } from './messages.ts';
import { openRig, type Received } from './smtp.fixture.ts';
import { openTransport } from './transport.ts';

const content = writeMail(
  { kind: 'reset', name: 'Ada <b>', site: 'tv.example', link: 'https://tv.example/reset-password#c0de' },
  'en',
);

suite('the mail server', () => {
  test('gets a message as plain text and HTML, from the sender that is set', async () => {
    await using rig = await openRig();
    await rig.transport.send('ada@example.org', content);
    const [{ to, from, text }] = rig.received as [Received];
    assert.deepEqual([to, from], [['ada@example.org'], 'noreply@tv.example']);
    assert.match(text, /^From: oxbow <noreply@tv\.example>\r$/m);
    assert.match(text, /^To: ada@example\.org\r$/m);
    assert.match(text, /^Subject: Set a new password for tv\.example\r$/m);
    assert.match(text, /^Auto-Submitted: auto-generated\r$/m);
    assert.match(text, /Content-Type: text\/plain/);
    assert.match(text, /Content-Type: text\/html/);
    assert.match(text, /https:\/\/tv\.example\/reset-password#c0de/);
    assert.ok(!text.includes('Ada <b>,</p>'), 'names are escaped in HTML');
  });

  test('gets messages over one connection that is kept', async () => {
    let connections = 0;
    await using rig = await openRig({
      onConnect(_, done) {
        connections++;
        done();
      },
    });
    for (let i = 0; i < 3; i++) await rig.transport.send('ada@example.org', content);
    assert.deepEqual([rig.received.length, connections], [3, 1]);
  });

  test('gets the password, with characters that are encoded in its address', async () => {
    await using rig = await openRig({ authOptional: false, allowInsecureAuth: true });
    const url = (password: string) => new URL(`smtp://ada:${encodeURIComponent(password)}@127.0.0.1:${rig.port}`);
    await using right = await openAt(url('p@ss:word'));
    await right.send('ada@example.org', content);
    assert.equal(rig.received[0]!.user, 'ada');
    await using wrong = await openAt(url('guess'));
    await assert.rejects(wrong.send('ada@example.org', content), { name: 'MailError', isTemporary: false });
    await assert.rejects(rig.transport.send('ada@example.org', content), { name: 'MailError', isTemporary: false });
  });

  test('elsewhere gets neither password nor message without encryption, unless that is set', async () => {
    let authenticated = 0;
    const options: SMTPServerOptions = {
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      onAuth(_, __, done) {
        authenticated++;
        done(null, { user: 'ada' });
      },
    };
    await using rig = await openRig(options, { host: 'mail.example', mustEncrypt: true });
    await assert.rejects(rig.transport.send('ada@example.org', content), { name: 'MailError', isTemporary: false });
    assert.deepEqual([rig.received.length, authenticated], [0, 0]);
    await using plain = await openRig(options, { host: 'mail.example', mustEncrypt: false });
    await plain.transport.send('ada@example.org', content);
    assert.equal(plain.received[0]!.isSecure, false);
  });

  test('is sent nothing if its certificate is not valid for its name', async () => {
    await using rig = await openRig({ hideSTARTTLS: false }, { host: 'mail.example', mustEncrypt: true });
    await assert.rejects(rig.transport.send('ada@example.org', content), (error: MailError) =>
      /certificate|TLS/i.test(error.message),
    );
    assert.equal(rig.received.length, 0);
  });

  test('that refuses a recipient is not asked again; one that is busy is', async () => {
    await using rig = await openRig({
      onRcptTo({ address }, _, done) {
        const code = address.startsWith('no') ? 550 : address.startsWith('later') ? 450 : undefined;
        if (code === undefined) return done();
        done(Object.assign(new Error('refused'), { responseCode: code }));
      },
    });
    await assert.rejects(rig.transport.send('no@example.org', content), { isTemporary: false });
    await assert.rejects(rig.transport.send('later@example.org', content), { isTemporary: true });
    await rig.transport.send('yes@example.org', content);
  });

  test('that no one listens at, or that breaks off, is a temporary failure', async () => {
    await using down = await openAt(new URL('smtp://127.0.0.1:9'));
    await assert.rejects(down.send('ada@example.org', content), { isTemporary: true });
    const server = createServer((socket) => socket.destroy());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using broken = await openAt(new URL(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`));
    await assert.rejects(broken.send('ada@example.org', content), { isTemporary: true });
    server.close();
  });

  async function openAt(url: URL) {
    const net = createNet({ allow: [] });
    const { signal } = new AbortController();
    const transport = await openTransport({ url, from: 'a@tv.example', mustEncrypt: false }, { net, signal });
    return {
      ...transport,
      async [Symbol.asyncDispose]() {
        transport.close();
        await net.close();
      },
    };
  }
});

suite('messages', () => {
  test('have no line breaks in their headers, whatever a name contains', async () => {
    await using rig = await openRig();
    const name = 'Ada\r\nBcc: mallory@example.org\r\n\r\nboo';
    for (const language of ['en', 'zh'] as const) {
      const kinds = [
        writeMail({ kind: 'invitation', from: name, site: name, link: 'https://tv.example/' }, language),
        writeMail({ kind: 'verify', name, site: name, link: 'https://tv.example/' }, language),
        writeMail({ kind: 'changed', name, site: name, email: name }, language),
        writeMail({ kind: 'test', site: name }, language),
      ];
      for (const each of kinds) await rig.transport.send('ada@example.org', each);
    }
    assert.equal(rig.received.length, 8);
    for (const { to, text } of rig.received) {
      assert.deepEqual(to, ['ada@example.org']);
      const head = text.slice(0, text.indexOf('\r\n\r\n'));
      assert.doesNotMatch(head, /^bcc:/im);
    }
  });

  test('are in the language of the body, otherwise of the browser', () => {
    assert.equal(mailLanguageOf(undefined, 'zh-CN,zh;q=0.9,en;q=0.8'), 'zh');
    assert.equal(mailLanguageOf(undefined, 'de, en;q=0.8, zh;q=0.1'), 'en');
    assert.equal(mailLanguageOf(undefined, undefined), 'en');
    assert.equal(mailLanguageOf('en', 'zh-CN'), 'en');
    assert.match(writeMail({ kind: 'test', site: 'tv.example' }, 'zh').subject, /测试/);
  });
});

suite('an e-mail address', () => {
  test('is one plain address in ASCII', () => {
    assert.equal(readEmail(' Ada.Lovelace+tv@Example.ORG '), 'Ada.Lovelace+tv@example.org');
    assert.equal(readEmail('ada@bücher.example'), 'ada@xn--bcher-kva.example');
    for (const wrong of [
      ...['', 'ada', 'ada@', '@example.org', 'ada@example', 'a@b@example.org', 'ada.@example.org', '.a@example.org'],
      ...['ada@example.org, eve@example.org', 'Ada <ada@example.org>', '"a b"@example.org', 'ada@[127.0.0.1]'],
      ...['ada@example.org\r\nBcc: eve@example.org', 'ada\n@example.org', 'ada@exam\r\nple.org', 'a(x)@example.org'],
      ...['ada@-example.org', `${'a'.repeat(65)}@example.org`, `a@${'x'.repeat(250)}.org`, 'ada@127.0.0.1:25/x'],
    ])
      assert.equal(readEmail(wrong), undefined, JSON.stringify(wrong));
  });

  test('never has a character that means something in a header, for any text', () => {
    const random = seeded(20261123);
    const pieces = [
      'a',
      '.',
      '@',
      'example.org',
      '\r\n',
      ' ',
      '<',
      '>',
      ',',
      ';',
      ':',
      '"',
      '(',
      '\\',
      'ü',
      '\0',
      '[',
      '‮',
      '%',
    ];
    for (let i = 0; i < 50_000; i++) {
      const text = Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('');
      const address = readEmail(text);
      if (address !== undefined) assert.match(address, /^[!-~]+@[a-z0-9.-]+$/, JSON.stringify(text));
      if (address !== undefined) assert.doesNotMatch(address, /[<>,;:"()[\]\\\s]/, JSON.stringify(text));
    }
  });
});
