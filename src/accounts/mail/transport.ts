/**
 * Sends messages to one mail server, over at most two connections that are kept for a while. Nothing else
 * imports nodemailer.
 * In: the settings, messages. Out: delivery to the server, or a MailError. RFC 5321; RFC 3207 (STARTTLS);
 * RFC 8314.
 */
import { connect, type Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import { messageOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import { MailError } from './mail-error.ts';
import type { MailContent } from './messages.ts';

/** The mail server. */
export interface SmtpSettings {
  /** `smtp://user:password@host:port`, or `smtps://` for TLS from the start. */
  readonly url: URL;
  /** Sender, as `oxbow <noreply@tv.example>`. */
  readonly from: string;
  /** With `smtp://`: whether the connection must be encrypted before anything is sent. */
  readonly mustEncrypt: boolean;
}

/** Sends messages. */
export interface MailTransport {
  /**
   * Sends a message to one address.
   *
   * @param to a plain address
   * @throws MailError
   */
  send(to: string, content: MailContent): Promise<void>;
  /** Closes the connections. */
  close(): void;
}

const TIMEOUT_MS = 15_000;
const CONNECTIONS = 2;
const IDLE_MS = 30_000;

/** Opens the transport; it connects with the first message. */
export function openTransport(
  { url, from, mustEncrypt }: SmtpSettings,
  { net, signal }: { readonly net: Pick<Net, 'resolveHost'>; readonly signal: AbortSignal },
): MailTransport {
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (secure ? 465 : 587) : Number(url.port);
  const isLoopback = /^(localhost|127\..*|::1)$/.test(host);
  const transport = createTransport(
    {
      pool: true,
      host,
      port,
      secure,
      servername: host,
      maxConnections: CONNECTIONS,
      maxRequeues: 0,
      requireTLS: mustEncrypt && !isLoopback,
      ignoreTLS: isLoopback, // its certificate is for another name, and nothing leaves this computer
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      idleTimeout: IDLE_MS,
      ...(url.username !== '' && { auth: { user: decode(url.username), pass: decode(url.password) } }),
      disableFileAccess: true,
      disableUrlAccess: true,
      maxResponseSize: 64 * 1024,
      getSocket: (_: object, callback: (error: Error | null, opened: false | { connection: Socket }) => void) => {
        open(net, host, port, signal).then(
          (connection) => callback(null, { connection }),
          (error: Error) => callback(error, false),
        );
      },
    },
    { from },
  );
  return {
    async send(to, { subject, text, html }) {
      try {
        // `Auto-Submitted`: other servers do not answer it. RFC 3834 5.
        const headers = { 'auto-submitted': 'auto-generated', 'x-auto-response-suppress': 'All' };
        await transport.sendMail({ to: { name: '', address: to }, subject, text, html, headers });
      } catch (error) {
        throw toMailError(error);
      }
    },
    close: () => transport.close(),
  };
}

/** Connects to a checked address of the server. An administrator configured it, so it may be private. */
async function open(net: Pick<Net, 'resolveHost'>, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const { addresses } = await net.resolveHost(host, port, { signal, trusted: true });
  return new Promise((resolve, reject) => {
    const socket = connect({ host: addresses[0]!.address, port, signal, timeout: TIMEOUT_MS });
    socket.once('connect', () => {
      socket.removeAllListeners();
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error('the mail server does not answer')));
    socket.once('error', reject);
  });
}

/** RFC 5321 4.2.1: 5yz is permanent. So are a wrong password and a server without encryption. */
function toMailError(error: unknown): MailError {
  const { responseCode, code } = error as { responseCode?: number; code?: string };
  const isPermanent =
    responseCode === undefined ? code === 'EENVELOPE' || code === 'EAUTH' || code === 'ETLS' : responseCode >= 500;
  return new MailError(messageOf(error), !isPermanent, error);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a single % is literal
  }
}
