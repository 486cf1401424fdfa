/**
 * A connection to NATS. Nothing outside of this folder imports its package. A connection that fails in any
 * way is given up as a whole and opened again: nothing waits in it for a server that does not answer.
 * In: addresses. Out: a link while there is a connection, which its users take again after each end.
 */
import { headers as createHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Breaker } from '../../lib/breaker/breaker.ts';
import { closeNatsClient, type NatsAddress, openNatsClient } from './nats-client.ts';

/** Options of a connection. */
export interface NatsOptions extends NatsAddress {
  /** Guards requests and attempts to connect. */
  readonly breaker: Pick<Breaker, 'call' | 'waitMs'>;
  /** Longest wait for a reply, ms. It is that of the breaker too. */
  readonly timeoutMs: number;
  /** Called when a connection is open, and when it has ended, with the reason. */
  readonly onConnected?: (isConnected: boolean, reason: unknown) => void;
}

/** A message that arrived. */
export interface NatsMessage {
  readonly subject: string;
  /** Where a reply is expected; empty: nowhere. */
  readonly reply: string;
  /** Value of a header field, empty if it has none. */
  header(name: string): string;
  /** The body as text. */
  text(): string;
}

/** Header fields of a message. */
export type NatsHeaders = Readonly<Record<string, string>>;

/** How a request is sent, and its reply read. */
export interface NatsRequest<T> {
  readonly headers?: NatsHeaders;
  /** Reads the reply. What it throws counts as a failure of NATS. */
  readonly read: (reply: NatsMessage) => T;
}

/** One open connection. After its end every call fails. */
export interface NatsLink {
  /** Fires when the connection has ended, with the reason. */
  readonly ended: AbortSignal;
  /** Most bytes of a message. */
  readonly maxBytes: number;
  /**
   * Sends a message and waits for the reply.
   *
   * @throws errors of NATS, such as no responders, and of `read`; OxbowError `service-unavailable`; a
   *   TimeoutError, which ends the link: the message may have arrived
   */
  request<T>(subject: string, body: string, options: NatsRequest<T>): Promise<T>;
  /** Sends a message to those who are subscribed now. Nothing waits for it, and nothing confirms it. */
  publish(subject: string, body: string): void;
  /** Receives messages of a subject until the function that it returns is called. */
  subscribe(subject: string, receive: (message: NatsMessage) => void): () => void;
}

/** A connection to NATS. */
export interface Nats extends AsyncDisposable {
  /** The link now; undefined: there is none. */
  readonly link: NatsLink | undefined;
  /** Calls `use` with the link of now and with each later one. Returns how to end it. */
  onLink(use: (link: NatsLink | undefined) => void): () => void;
}

/** Opens a connection in the background. */
export function openNats(options: NatsOptions): Nats {
  return new ReopenedNats(options);
}

class ReopenedNats implements Nats {
  readonly #options: NatsOptions;
  readonly #closing = new AbortController();
  readonly #users = new Set<(link: NatsLink | undefined) => void>();
  readonly #running: Promise<void>;
  #link: NatsLink | undefined;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get link(): NatsLink | undefined {
    return this.#link;
  }

  onLink(use: (link: NatsLink | undefined) => void): () => void {
    this.#users.add(use);
    use(this.#link);
    return () => void this.#users.delete(use);
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
        const client = await breaker.call((options) => openNatsClient(this.#options, options), { signal });
        const link = new ClientLink(client, this.#options);
        failures = 0;
        this.#use(link);
        onConnected?.(true, undefined);
        await endOf(link.ended, signal);
        this.#use(undefined);
        closeNatsClient(client);
        if (!signal.aborted) onConnected?.(false, link.ended.reason);
      } catch {
        // The breaker reports it.
      }
      await sleep(Math.max(backoffMs(failures, 100), breaker.waitMs), { signal }).catch(() => undefined); // closed
    }
  }

  #use(link: NatsLink | undefined): void {
    this.#link = link;
    for (const use of this.#users) use(link);
  }
}

class ClientLink implements NatsLink {
  readonly #client: NatsConnection;
  readonly #options: Pick<NatsOptions, 'breaker' | 'timeoutMs'>;
  readonly #ended = new AbortController();

  constructor(client: NatsConnection, options: Pick<NatsOptions, 'breaker' | 'timeoutMs'>) {
    this.#client = client;
    this.#options = options;
    client.closed().then(
      (error) => this.#ended.abort(error ?? new Error('NATS has closed the connection')),
      (error: unknown) => this.#ended.abort(error),
    );
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get maxBytes(): number {
    return this.#client.info?.max_payload ?? 1024 * 1024;
  }

  async request<T>(subject: string, body: string, { headers, read }: NatsRequest<T>): Promise<T> {
    const { breaker, timeoutMs } = this.#options;
    const fields = createHeaders();
    for (const [name, value] of Object.entries(headers ?? {})) fields.set(name, value);
    try {
      const ask = async () => {
        const options = { timeout: timeoutMs, ...(headers && { headers: fields }) };
        return read(messageOf(await this.#client.request(subject, body, options)));
      };
      return await breaker.call(ask, { signal: this.ended });
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') this.#ended.abort(error);
      throw error;
    }
  }

  publish(subject: string, body: string): void {
    if (!this.ended.aborted) this.#client.publish(subject, body);
  }

  subscribe(subject: string, receive: (message: NatsMessage) => void): () => void {
    if (this.ended.aborted) return () => undefined;
    const subscription = this.#client.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.#ended.abort(error);
        else receive(messageOf(message));
      },
    });
    return () => {
      if (!this.ended.aborted) subscription.unsubscribe();
    };
  }
}

function messageOf(message: Msg): NatsMessage {
  return {
    subject: message.subject,
    reply: message.reply ?? '',
    header: (name) => message.headers?.get(name) ?? '',
    text: () => message.string(),
  };
}

/** Resolves when one of the signals fires. */
async function endOf(...signals: readonly AbortSignal[]): Promise<void> {
  const signal = AbortSignal.any([...signals]);
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
