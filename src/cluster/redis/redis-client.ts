/**
 * Opens one client of Redis: at an address, or at the master that a sentinel names.
 * In: addresses. Out: a connected client that never connects again by itself.
 */
import type { RedisClientType } from 'redis';
import { waitFor, withDeadline } from '../../lib/abort.ts';

export interface RedisAddress {
  /**
   * `redis:` or `rediss:` with user, password and database; with sentinels its host and port are not used.
   */
  readonly url: string;
  /** `host:port` of sentinels; empty: none. */
  readonly sentinels: readonly string[];
  /** Name of the master that the sentinels watch. */
  readonly sentinelName: string;
}

interface ClientOptions {
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** Called with an error of the connection, and when it has ended. */
  readonly fail: (error: unknown) => void;
}

/** A sentinel that does not answer for this long is skipped, ms. */
const SENTINEL_MS = 1000;
const CONNECT_MS = 2000;
/** A server that sends nothing for this long, not even the reply to a ping, is gone, ms. */
const SILENT_MS = 5000;
const PING_MS = 1500;
/** Commands that wait for replies; more are refused. */
const MAX_COMMANDS = 10_000;

/**
 * Connects.
 *
 * @throws errors of the connection; an Error if no sentinel names a master, or it is a replica
 */
export async function openRedisClient(address: RedisAddress, options: ClientOptions): Promise<RedisClientType> {
  const url = new URL(address.url);
  if (address.sentinels.length > 0) {
    const [host, port] = await askSentinels(address, options);
    url.hostname = host;
    url.port = port;
  }
  const client = await connect(url.href, options);
  try {
    const [role] = (await client.sendCommand(['ROLE'])) as unknown as readonly unknown[];
    if (role !== 'master') throw new Error(`Redis at ${url.host} is a ${role}, not the master`);
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function connect(url: string, { signal, fail }: ClientOptions): Promise<RedisClientType> {
  const { createClient } = await import('redis');
  signal.throwIfAborted();
  const client = createClient({
    url,
    RESP: 2,
    name: 'oxbow',
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS,
    socket: { connectTimeout: CONNECT_MS, socketTimeout: SILENT_MS, reconnectStrategy: false },
  }) as unknown as RedisClientType;
  client.on('error', fail);
  client.on('end', () => fail(new Error('Redis has closed the connection')));
  try {
    await waitFor(client.connect(), { signal });
    keepTalking(client, fail);
    return client;
  } catch (error) {
    if (client.isOpen) client.destroy();
    throw error;
  }
}

/**
 * Has the server send something. The pings of the library continue, and keep the process, where a client is
 * destroyed while one waits.
 */
function keepTalking(client: RedisClientType, fail: ClientOptions['fail']): void {
  const timer = setInterval(() => {
    if (!client.isOpen) return clearInterval(timer);
    client.sendCommand(['PING']).catch((error: unknown) => {
      clearInterval(timer);
      fail(error);
    });
  }, PING_MS).unref();
}

/** Host and port of the master: the first sentinel that answers decides. */
async function askSentinels(
  { sentinels, sentinelName }: RedisAddress,
  { signal }: Pick<ClientOptions, 'signal'>,
): Promise<readonly [string, string]> {
  for (const sentinel of sentinels) {
    using limit = withDeadline(SENTINEL_MS, `The sentinel ${sentinel}`, { signal });
    let client: RedisClientType | undefined;
    try {
      client = await connect(`redis://${sentinel}`, { signal: limit.signal, fail() {} });
      const asked = client.sendCommand(['SENTINEL', 'get-master-addr-by-name', sentinelName]);
      const reply = (await waitFor(asked, limit)) as unknown as readonly [string, string] | null;
      if (reply) return reply;
    } catch {
      signal.throwIfAborted(); // otherwise the next one is tried
    } finally {
      if (client?.isOpen) client.destroy();
    }
  }
  throw new Error(`No sentinel names a master for "${sentinelName}"`);
}
