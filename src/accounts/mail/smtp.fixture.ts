/**
 * A mail server for tests, which keeps what it gets.
 * In: options of smtp-server. Out: messages; a transport to the server.
 */
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { createNet } from '../../net/net.ts';
import { openTransport, type SmtpSettings } from './transport.ts';

/** A message that the mail server got. */
export interface Received {
  readonly to: readonly string[];
  readonly from: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly text: string;
}

/** A mail server on this computer, and a transport to it. */
export async function openRig(
  options: SMTPServerOptions = {},
  change: Partial<SmtpSettings> & { readonly host?: string; readonly scheme?: string; readonly user?: string } = {},
) {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    logger: false,
    closeTimeout: 100,
    onAuth: ({ username, password }, _, done) =>
      password === 'p@ss:word' ? done(null, { user: username }) : done(new Error('wrong')),
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          to: rcptTo.map(({ address }) => address),
          from: mailFrom ? mailFrom.address : '',
          isSecure: session.secure === true,
          user: session.user as string | undefined,
          text: Buffer.concat(pieces).toString(),
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  // A name that is not of this computer, as that of a mail server usually is.
  const net = createNet({ allow: [], resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
  const { host = '127.0.0.1', scheme = 'smtp', user = '', ...settings } = change;
  const transport = await openTransport(
    {
      url: new URL(`${scheme}://${user}${host}:${port}`),
      from: 'oxbow <noreply@tv.example>',
      mustEncrypt: false,
      ...settings,
    },
    { net, signal: new AbortController().signal },
  );
  return {
    port,
    received,
    transport,
    async [Symbol.asyncDispose]() {
      transport.close();
      await net.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
