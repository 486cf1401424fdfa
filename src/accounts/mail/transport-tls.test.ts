import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { SMTPServerOptions } from 'smtp-server';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import type { MailError } from './mail-error.ts';
import { openRig } from './smtp.fixture.ts';

const content = { subject: 'Hello', text: 'Hello.\n', html: '<p>Hello.</p>' };
const user = 'ada:p%40ss%3Aword@';

suite('a mail server with TLS', () => {
  const usual = getCACertificates('default');
  let folder: string;
  /** By name: of this server and trusted, of another name and trusted, of this server and unknown. */
  const pairs: Record<'right' | 'other' | 'unknown', SMTPServerOptions> = { right: {}, other: {}, unknown: {} };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-smtp-'));
    for (const name of ['right', 'other', 'unknown'] as const) {
      const hosts = `DNS:${name === 'other' ? 'elsewhere' : 'mail'}.example`;
      const { cert, key } = await makeCertificate(folder, name, { hosts });
      pairs[name] = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
    }
    setDefaultCACertificates([...usual, String(pairs.right.cert), String(pairs.other.cert)]);
  });
  after(async () => {
    setDefaultCACertificates(usual);
    await rm(folder, { recursive: true });
  });

  const forms = {
    STARTTLS: { server: { hideSTARTTLS: false }, scheme: 'smtp' },
    'TLS from the start': { server: { secure: true }, scheme: 'smtps' },
  } as const;

  for (const [form, { server, scheme }] of Object.entries(forms)) {
    const host = { host: 'mail.example', mustEncrypt: true, scheme } as const;

    for (const method of ['PLAIN', 'LOGIN']) {
      test(`gets message and password by ${method} over ${form}`, async () => {
        const options = { ...pairs.right, ...server, authOptional: false, authMethods: [method] };
        await using rig = await openRig(options, { ...host, user });
        await rig.transport.send('grace@example.org', content);
        const [{ isSecure, user: name, to }] = rig.received as [(typeof rig.received)[number]];
        assert.deepEqual([isSecure, name, to], [true, 'ada', ['grace@example.org']]);
      });
    }

    for (const [wrong, words] of [
      ['other', /altnames|Hostname|mail\.example/],
      ['unknown', /self-signed certificate/],
    ] as const) {
      test(`gets neither over ${form} with the certificate "${wrong}", and its words say why`, async () => {
        let asked = 0;
        const onAuth: SMTPServerOptions['onAuth'] = (_, __, done) => {
          asked++;
          done(null, { user: 'ada' });
        };
        await using rig = await openRig({ ...pairs[wrong], ...server, onAuth }, { ...host, user });
        await assert.rejects(rig.transport.send('grace@example.org', content), (error: MailError) => {
          assert.equal(error.name, 'MailError');
          assert.match(error.message, words);
          return true;
        });
        assert.deepEqual([rig.received.length, asked], [0, 0]);
      });
    }
  }
});
