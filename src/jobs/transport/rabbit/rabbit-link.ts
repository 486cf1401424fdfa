/**
 * One connection to RabbitMQ with a channel for messages that are published and confirmed, and one for those
 * that are received. Nothing else imports amqplib. A link that fails in any way is destroyed: its owner opens
 * another one.
 * In: an address. Out: RabbitLink; the end of the link, once. AMQP 0-9-1.
 */
import type { Socket } from 'node:net';
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { waitFor, withDeadline } from '../../../lib/abort.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { QueueDeclaration } from './rabbit-queues.ts';

/** RabbitMQ and oxbow notice a dead connection after twice this, s. */
const HEARTBEAT_S = 5;
/** A received message. */
export interface Delivery {
  /** The message is done. Does nothing if the link has ended: it is delivered again. */
  ack(): void;
  /** The message is delivered again, to any process; after too many times it is a dead letter. */
  requeue(): void;
  /** The same without counting: the message is published again at the end of its queue. */
  giveBack(): Promise<void>;
}

/** How a link is opened. */
interface RabbitLinkOptions {
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** Longest wait for an answer of the server, ms. */
  readonly answerMs: number;
}

/** An open link. */
export interface RabbitLink extends AsyncDisposable {
  /** Fires when it has ended, for any reason. */
  readonly ended: AbortSignal;
  /** Declares a queue, if it does not exist. Returns the number of messages that wait in it. */
  declare(queue: QueueDeclaration): Promise<number>;
  /** Publishes a message to a queue; resolves when the server has stored it on disk. */
  publish(queue: string, body: Buffer): Promise<void>;
  /** Receives the messages of a queue, `prefetch` at a time. Returns how to end it. */
  consume(queue: string, prefetch: number, receive: (delivery: Delivery) => void): Promise<() => Promise<void>>;
}

/**
 * Connects.
 *
 * @param url `amqp:` or `amqps:` with user and password
 */
export async function openRabbitLink(url: string, { signal, answerMs }: RabbitLinkOptions): Promise<RabbitLink> {
  const { connect } = await import('amqplib');
  signal.throwIfAborted();
  const { hostname, protocol } = new URL(url);
  const socket = { timeout: answerMs, noDelay: true, clientProperties: { product: 'oxbow' } };
  const tls = protocol === 'amqps:' ? { servername: hostname } : {};
  const address = new URL(url);
  address.searchParams.set('heartbeat', String(HEARTBEAT_S));
  const opening = connect(address.href, { ...socket, ...tls });
  const model = await waitFor(opening, { signal }).catch((error: unknown) => {
    opening.then(destroy, () => undefined); // it is of no use any more
    throw error;
  });
  // Before anything can fail: an error without a listener would end the process.
  const ended = new AbortController();
  let reason: unknown;
  model.on('error', (error) => {
    reason = error;
  });
  model.on('close', (error?: Error) => ended.abort(reason ?? error ?? new Error('RabbitMQ has closed the connection')));
  try {
    const channels = Promise.all([model.createConfirmChannel(), model.createChannel()]);
    const [publisher, receiver] = await answerOf('open channels', channels, { signal, answerMs });
    return new AmqpLink({ model, publisher, receiver }, { ended, answerMs });
  } catch (error) {
    destroy(model);
    throw error;
  }
}

interface AmqpChannels {
  readonly model: ChannelModel;
  readonly publisher: ConfirmChannel;
  readonly receiver: Channel;
}

class AmqpLink implements RabbitLink {
  readonly #model: ChannelModel;
  readonly #publisher: ConfirmChannel;
  readonly #receiver: Channel;
  readonly #ended: AbortController;
  readonly #answerMs: number;

  constructor(
    { model, publisher, receiver }: AmqpChannels,
    { ended, answerMs }: { readonly ended: AbortController; readonly answerMs: number },
  ) {
    this.#answerMs = answerMs;
    this.#model = model;
    this.#publisher = publisher;
    this.#receiver = receiver;
    this.#ended = ended;
    for (const channel of [publisher, receiver]) {
      // The server closes a channel when it refuses something: the whole link is opened again.
      channel.on('error', (error) => this.#fail(error));
      channel.on('close', () => this.#fail(new Error('RabbitMQ has closed a channel')));
    }
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  async declare({ name, arguments: args }: QueueDeclaration): Promise<number> {
    const answer = this.#receiver.assertQueue(name, { durable: true, arguments: args });
    return (await this.#answer(`declare ${name}`, answer)).messageCount;
  }

  publish(queue: string, body: Buffer): Promise<void> {
    const confirmed = new Promise<void>((resolve, reject) => {
      const done = (error: unknown) => (error ? reject(refusal(error)) : resolve());
      this.#publisher.sendToQueue(queue, body, { persistent: true, contentType: 'application/json' }, done);
    });
    return this.#answer(`store a message in ${queue}`, confirmed);
  }

  async consume(queue: string, prefetch: number, receive: (delivery: Delivery) => void): Promise<() => Promise<void>> {
    const onMessage = (message: ConsumeMessage | null) => {
      if (message === null) this.#fail(new Error(`RabbitMQ has ended the consumer of ${queue}`));
      else
        receive({
          ack: () => this.#answerMessage(() => this.#receiver.ack(message)),
          requeue: () => this.#answerMessage(() => this.#receiver.nack(message, false, true)),
          giveBack: async () => {
            await this.publish(queue, message.content);
            this.#answerMessage(() => this.#receiver.ack(message));
          },
        });
    };
    const channel = this.#receiver;
    // Both are sent before anything else of this channel: the limit is that of the next consumer.
    const [, { consumerTag }] = await this.#answer(
      `consume ${queue}`,
      Promise.all([channel.prefetch(prefetch), channel.consume(queue, onMessage)]),
    );
    return async () => {
      await this.#answer(`end the consumer of ${queue}`, channel.cancel(consumerTag));
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended.aborted) return;
    await this.#answer('close the connection', this.#model.close()).catch(() => undefined); // it has ended
    this.#fail(new Error('oxbow has closed the connection'));
  }

  /** An answer of the server. Without one the link has failed. */
  async #answer<T>(operation: string, answer: Promise<T>): Promise<T> {
    try {
      return await answerOf(operation, answer, { signal: this.ended, answerMs: this.#answerMs });
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') this.#fail(error);
      throw error;
    }
  }

  #answerMessage(send: () => void): void {
    try {
      if (!this.ended.aborted) send();
    } catch (error) {
      this.#fail(error); // the channel is closed
    }
  }

  #fail(error: unknown): void {
    if (this.ended.aborted) return;
    this.#ended.abort(error);
    destroy(this.#model);
  }
}

async function answerOf<T>(operation: string, answer: Promise<T>, { signal, answerMs }: RabbitLinkOptions): Promise<T> {
  answer.catch(() => undefined); // after the end of the link no one waits for it
  using deadline = withDeadline(answerMs, `RabbitMQ: to ${operation}`, { signal });
  return await waitFor(answer, deadline);
}

/** Closes the socket at once: the server does not answer. */
function destroy(model: ChannelModel): void {
  model.on('error', () => undefined); // that it was given up
  (model.connection as unknown as { readonly stream: Socket }).stream.destroy(new Error('given up by oxbow'));
}

/** A message that the queue does not take: it is full. */
function refusal(error: unknown): Error {
  return new Error(`RabbitMQ has refused the message: ${messageOf(error)}`, { cause: error });
}
