/**
 * A connection to Redis, or to the master that sentinels name. Nothing else imports the package redis. A
 * connection that fails in any way is given up as a whole and opened again: nothing waits in it for a server
 * that does not answer.
 * In: addresses, commands. Out: replies; messages of channels; `service-unavailable` at once while there is
 * no connection.
 */
import type { RedisClientType } from 'redis';
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Breaker } from '../../lib/breaker/breaker.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openRedisClient, type RedisAddress } from './redis-client.ts';
import type { RedisScript } from './redis-script.ts';

/** Options of a connection. */
export interface RedisOptions extends RedisAddress {
  /** Guards commands and attempts to connect. */
  readonly breaker: Pick<Breaker, 'call' | 'waitMs'>;
  /** Longest wait for a reply, ms. It is that of the breaker too. */
  readonly timeoutMs: number;
  /** Called when a connection is open, and when it has ended, with the reason. */
  readonly onConnected?: (isConnected: boolean, reason: unknown) => void;
}

/** A connection to Redis. */
export interface Redis extends AsyncDisposable {
  /** Whether there is a connection now. */
  readonly isConnected: boolean;
  /**
   * Runs a command.
   *
   * @throws OxbowError `service-unavailable`; errors of Redis; a TimeoutError, after which the command may
   *   have run
   */
  send(...command: readonly string[]): Promise<unknown>;
  /** Runs a script: in one atomic step. Throws as `send`. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /**
   * Calls `wake` for each message of a channel, and when messages may have been lost. Returns how to end it.
   */
  listen(channel: string, wake: () => void): () => void;
}

/**
 * Pause between looks at the sentinels, ms: they may have named another master while the old one still
 * answers.
 */
const LOOK_EVERY_MS = 2000;

/** Opens a connection in the background. */
export function openRedis(options: RedisOptions): Redis {
  return new RedisConnection(options);
}

/** Both clients of a connection: a subscribed one takes no other commands in RESP 2. */
interface Link {
  readonly commands: RedisClientType;
  readonly messages: RedisClientType;
  /** Fires when the link is given up. */
  readonly ended: AbortController;
}

class RedisConnection implements Redis {
  readonly #options: RedisOptions;
  readonly #closing = new AbortController();
  /** Listeners by channel. */
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #running: Promise<void>;
  #link: Link | undefined;

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  async send(...command: readonly string[]): Promise<unknown> {
    const link = this.#link;
    if (!link) {
      const retryAfterSeconds = Math.max(1, Math.ceil(this.#options.breaker.waitMs / 1000));
      throw new OxbowError('service-unavailable', 'Redis is not connected.', { extra: { retryAfterSeconds } });
    }
    try {
      return await this.#options.breaker.call(() => link.commands.sendCommand([...command]), link.ended);
    } catch (error) {
      if (isFatal(error)) link.ended.abort(error);
      throw error;
    }
  }

  async run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const parameters = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await this.send('EVALSHA', script.sha, ...parameters);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.send('EVAL', script.lua, ...parameters);
    }
  }

  listen(channel: string, wake: () => void): () => void {
    const current = this.#listeners.get(channel);
    const listeners = current ?? new Set();
    this.#listeners.set(channel, listeners.add(wake));
    if (!current && this.#link) this.#subscribe(this.#link, channel);
    return () => {
      listeners.delete(wake);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the connection is closed', 'AbortError'));
    await this.#running;
  }

  /** Keeps a link until closed. */
  async #run(): Promise<void> {
    const { breaker, onConnected } = this.#options;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const link = await breaker.call((options) => this.#connect(options), { signal });
        failures = 0;
        this.#link = link;
        onConnected?.(true, undefined);
        for (const channel of this.#listeners.keys()) this.#subscribe(link, channel);
        await this.#watch(link);
        this.#link = undefined;
        for (const client of [link.commands, link.messages]) client.destroy();
        if (!signal.aborted) onConnected?.(false, link.ended.signal.reason);
      } catch {
        // The breaker reports it.
      }
      await sleep(Math.max(backoffMs(failures, 100), breaker.waitMs), { signal }).catch(() => undefined); // closed
    }
  }

  async #connect({ signal }: { readonly signal: AbortSignal }): Promise<Link> {
    const ended = new AbortController();
    const fail = (error: unknown) => ended.abort(error);
    const commands = await openRedisClient(this.#options, { signal, fail });
    try {
      return { commands, messages: await openRedisClient(this.#options, { signal, fail }), ended };
    } catch (error) {
      commands.destroy();
      throw error;
    }
  }

  /** Resolves when the link has ended, or the connection closes. */
  async #watch(link: Link): Promise<void> {
    const signal = AbortSignal.any([link.ended.signal, this.#closing.signal]);
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // ends the loop
      if (signal.aborted) return;
      // A stalled connection shows here, and a master that is none any more.
      const [role] = (await this.send('ROLE').catch(() => [])) as readonly unknown[];
      if (role !== undefined && role !== 'master') link.ended.abort(new Error(`Redis is a ${role}, not the master`));
    }
  }

  #subscribe(link: Link, channel: string): void {
    const wake = () => {
      for (const listener of this.#listeners.get(channel) ?? []) listener();
    };
    link.messages.subscribe(channel, wake).then(wake, (error: unknown) => link.ended.abort(error));
  }
}

/**
 * Whether the connection is of no further use after an error: no reply, or a server that is not the master
 * any more.
 */
function isFatal(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof OxbowError) return false;
  return error.name === 'TimeoutError' || /^(READONLY|MASTERDOWN|LOADING)/.test(error.message);
}

/** Whether an error shows that Redis does not work, for the breaker: errors in replies are answers. */
export function isRedisFailure(error: unknown): boolean {
  return !(error instanceof Error && /^(?!READONLY|MASTERDOWN|LOADING)[A-Z]+ /.test(error.message));
}
