/**
 * Opens one client of NATS. It never connects again by itself: nats.ts opens the next one.
 * In: addresses, credentials. Out: a connected client, and its end.
 */
import { readFile } from 'node:fs/promises';
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { waitFor } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';

export interface NatsAddress {
  /** `nats:` or `tls:` with a host, and a user and password where the server wants them. */
  readonly url: string;
  /** `host:port` of further servers of the same NATS; they are tried after that of `url`. */
  readonly servers: readonly string[];
  /** Token in place of a user and a password. */
  readonly token: string | undefined;
  /** File with a JWT and its key (`.creds`); empty: none. */
  readonly credentials: string;
}

const CONNECT_MS = 2000;
/** A server that answers two pings in a row with nothing is gone; pause between pings, ms. */
const PING_MS = 1500;
const MAX_PINGS = 2;

/**
 * Connects to the first server that answers.
 *
 * @param options.signal ends the attempt; a client that is connected later is closed
 * @throws errors of the connection; OxbowError `bad-setting` if the file of credentials cannot be read
 */
export async function openNatsClient(
  address: NatsAddress,
  { signal }: { readonly signal: AbortSignal },
): Promise<NatsConnection> {
  const creds = await readCredentials(address);
  signal.throwIfAborted();
  const connecting = connect({
    ...optionsOf(address),
    ...(creds && { authenticator: credsAuthenticator(creds) }),
  });
  try {
    return await waitFor(connecting, { signal });
  } catch (error) {
    connecting.then(closeNatsClient, () => undefined); // reported here
    throw error;
  }
}

/** Closes a client at once, also one whose server does not answer. */
export function closeNatsClient(client: NatsConnection): void {
  client.close().catch(() => undefined); // it is gone
}

function optionsOf({ url, servers, token }: NatsAddress): NodeConnectionOptions {
  const { protocol, host, username, password } = new URL(url);
  return {
    servers: [host, ...servers],
    noRandomize: true,
    ignoreClusterUpdates: true,
    name: 'oxbow',
    reconnect: false,
    noEcho: true,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: MAX_PINGS,
    ...(username !== '' && { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
    ...(token !== undefined && { token }),
    ...(protocol === 'tls:' && { tls: {} }),
  };
}

async function readCredentials({ credentials }: NatsAddress): Promise<Uint8Array | undefined> {
  if (credentials === '') return undefined;
  try {
    return await readFile(credentials);
  } catch (error) {
    throw new OxbowError('bad-setting', `\`nats.credentials\` (${credentials}) cannot be read: ${reasonOf(error)}.`);
  }
}
