/**
 * The connection to an MQTT server: opened again when it ends, with a last will that says so.
 * In: messages. Out: the server has them, or an error; messages of topics that are subscribed to. MQTT 3.1.1.
 */
import type { MqttClient } from 'mqtt';
import { OxbowError } from '../../lib/errors.ts';

const CONNECT_MS = 10_000;
/** Pause before the next attempt, ms. */
const RETRY_MS = 5000;
/** A server that answers nothing for one and a half of these is gone, seconds. */
const KEEPALIVE_S = 15;
/** An acknowledgement takes at most this, ms. */
const ACKNOWLEDGED_MS = 10_000;
/** Bytes of a message that are read: the longest that means something has three. */
const MAX_PAYLOAD_BYTES = 100;
/** The last message of a shutdown takes at most this, ms. */
const LEAVE_MS = 1000;

/** Options of a connection. */
export interface BrokerOptions {
  /** `mqtt:` or `mqtts:`, with user and password if it needs them. */
  readonly url: string;
  readonly clientId: string;
  /** Topic of `online` and `offline`, retained. */
  readonly statusTopic: string;
  /** Topic filter to subscribe to; undefined: none. */
  readonly filter: string | undefined;
  /** The server has accepted the connection: it knows nothing of what was sent before. */
  connected(): void;
  /** The connection has ended, or an attempt has failed. `reason` is empty if the server closed it. */
  failed(reason: string): void;
  /** The server does not let this client subscribe; it stays connected. */
  refused(reason: string): void;
  /** A message that was published now, not one that the server has retained. `payload`: its start. */
  message(topic: string, payload: string): void;
}

/** A connection. Disposing says `offline`, and closes it. */
export class Broker implements AsyncDisposable {
  readonly #client: MqttClient;
  readonly #statusTopic: string;

  private constructor(client: MqttClient, statusTopic: string) {
    this.#client = client;
    this.#statusTopic = statusTopic;
  }

  /** Begins to connect. Loads the library, which costs nothing where no server is set. */
  static async open({ url, clientId, statusTopic, filter, ...on }: BrokerOptions): Promise<Broker> {
    const { connect } = await import('mqtt');
    const client = connect(url, {
      clientId,
      clean: true,
      keepalive: KEEPALIVE_S,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: RETRY_MS,
      queueQoSZero: false,
      resubscribe: false,
      will: { topic: statusTopic, payload: Buffer.from('offline'), qos: 1, retain: true },
    });
    let problem = '';
    client.on('error', (error) => {
      problem = error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
    });
    client.on('close', () => {
      on.failed(problem);
      problem = '';
    });
    client.on('message', (topic, payload, { retain }) => {
      // An old one, which comes with each connection: it would undo what users have changed since.
      if (!retain) on.message(topic, payload.toString('utf8', 0, MAX_PAYLOAD_BYTES));
    });
    const broker = new Broker(client, statusTopic);
    client.on('connect', () => {
      if (filter !== undefined)
        client.subscribe(filter, { qos: 1 }, (error) => error && client.connected && on.refused(error.message));
      on.connected();
    });
    return broker;
  }

  get isConnected(): boolean {
    return this.#client.connected;
  }

  /** Says that this node is there. */
  greet(): Promise<void> {
    return this.publish(this.#statusTopic, 'online', { retain: true });
  }

  /**
   * Publishes a message, with an acknowledgement if it is retained.
   *
   * @throws OxbowError `service-unavailable` without a connection, or if nothing acknowledges it in time
   */
  async publish(topic: string, payload: string, { retain }: { readonly retain: boolean }): Promise<void> {
    const client = this.#client;
    if (!client.connected) throw unavailable('is not connected');
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(unavailable('acknowledges nothing')), ACKNOWLEDGED_MS);
      timer.unref(); // a shutdown does not wait for it
      client.publish(topic, payload, { qos: retain ? 1 : 0, retain }, (error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client;
    const leave = async () => {
      if (client.connected) await this.publish(this.#statusTopic, 'offline', { retain: true });
      await client.endAsync();
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([leave().catch(() => undefined), late]); // it is gone: its will says the same
    clearTimeout(timer);
    client.end(true);
  }
}

function unavailable(what: string): OxbowError {
  return new OxbowError('service-unavailable', `The MQTT server of \`mqtt.url\` ${what}; see whether it runs.`);
}
