/**
 * The requests to JetStream that the log of events needs: a stream with limits, messages that are stored
 * once, and readers from a sequence on.
 * In: a link. Out: the state of the stream, stored messages with their sequences.
 */
import { randomUUID } from 'node:crypto';
import { OxbowError } from '../../lib/errors.ts';
import type { NatsHeaders, NatsLink, NatsMessage } from './nats.ts';

/** A stream and its limits. At a limit the oldest messages are deleted. */
export interface StreamLimits {
  /** Without dots. */
  readonly name: string;
  /** Its subjects, e.g. `oxbow.events.>`. */
  readonly subject: string;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** -1: no limit. */
  readonly maxMessages: number;
  /** Servers that store it, 1 to 5. */
  readonly replicas: number;
}

export interface StreamState {
  /** When it was created, ms since 1970: another stream of the name has another time. */
  readonly createdMs: number;
  /** Sequence of the oldest message; one more than `last` if there is none. */
  readonly first: number;
  /** Sequence of the newest message; 0 before the first one. */
  readonly last: number;
}

/** A message of a stream. */
export interface StoredMessage {
  /** Its place in the stream, 1 or more. */
  readonly sequence: number;
  /** Its place among those that the reader has received, 1 or more. */
  readonly received: number;
  readonly message: NatsMessage;
}

/** Time in which JetStream recognizes a message that is sent again, ms. */
const REPEATED_MS = 120_000;
/** A reader whose connection is gone is deleted after this time, ms. */
const INACTIVE_MS = 10_000;
const NS = 1_000_000;
const NOT_FOUND = 404;

interface Reply {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
  readonly created: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly state: { readonly first_seq: number; readonly last_seq: number };
  readonly name: string;
  readonly num_pending: number;
  readonly delivered: { readonly consumer_seq: number };
}

/**
 * Reads the state of a stream. One that is missing is created; one with other limits gets these.
 *
 * @throws OxbowError `service-unavailable` if JetStream refuses; errors of the link
 */
export async function openStream(link: NatsLink, limits: StreamLimits): Promise<StreamState> {
  const config = configOf(limits);
  const ask = (verb: string, body: object) => call(link, `STREAM.${verb}.${limits.name}`, body);
  const current = await ask('INFO', {});
  if (current.error) return stateOf(await demand(ask('CREATE', config)));
  const isSame = Object.entries(config).every(
    ([key, value]) => JSON.stringify(current.config[key]) === JSON.stringify(value),
  );
  return stateOf(isSame ? current : await demand(ask('UPDATE', config)));
}

/**
 * Has a stream give its next message at least this sequence, and forget all before it.
 *
 * @throws as `openStream`
 */
export async function skipTo(link: NatsLink, limits: StreamLimits, sequence: number): Promise<StreamState> {
  await demand(call(link, `STREAM.PURGE.${limits.name}`, { seq: sequence }));
  return openStream(link, limits);
}

/**
 * Stores a message. One with the id of a message of the last two minutes is not stored again.
 *
 * @throws as `openStream`; after a TimeoutError it may be stored
 */
export async function store(link: NatsLink, subject: string, body: string, headers: NatsHeaders): Promise<void> {
  await link.request(subject, body, { headers, read: (reply) => void accepted(parse(reply)) });
}

/** Id of a message, by which JetStream recognizes it. */
export const ID_HEADER = 'Nats-Msg-Id';

/** Messages of a stream that arrive until it is closed. */
export interface StreamReader extends Disposable {
  /** Whether it has missed a message on its way here: open another one. */
  readonly isBroken: boolean;
  /** Messages from its first sequence on that the stream had when it was opened. */
  readonly atFirst: number;
}

/**
 * Receives the messages of a stream from a sequence on, in order, and then each new one.
 *
 * @param from sequence of the first message, 1 or more; an older one than those that are stored begins with
 *   the oldest
 * @throws as `openStream`
 */
export async function readStream(
  link: NatsLink,
  name: string,
  from: number,
  receive: (stored: StoredMessage) => void,
): Promise<StreamReader> {
  const inbox = `_INBOX.${randomUUID().replaceAll('-', '')}`;
  let received = 0;
  let isBroken = false;
  const unsubscribe = link.subscribe(inbox, (message) => {
    const stored = placeOf(message);
    if (!stored || isBroken) return;
    isBroken = stored.received !== ++received;
    if (!isBroken) receive(stored);
  });
  const config = {
    deliver_subject: inbox,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: from,
    ack_policy: 'none',
    replay_policy: 'instant',
    inactive_threshold: INACTIVE_MS * NS,
    num_replicas: 1,
    mem_storage: true,
  };
  try {
    const consumer = await demand(call(link, `CONSUMER.CREATE.${name}`, { stream_name: name, config }));
    return {
      get isBroken() {
        return isBroken;
      },
      atFirst: consumer.num_pending + consumer.delivered.consumer_seq,
      [Symbol.dispose]() {
        isBroken = true;
        unsubscribe();
        link.publish(`$JS.API.CONSUMER.DELETE.${name}.${consumer.name}`, '');
      },
    };
  } catch (error) {
    unsubscribe();
    throw error;
  }
}

function configOf({ name, subject, maxAgeMs, maxBytes, maxMessages, replicas }: StreamLimits) {
  return {
    name,
    subjects: [subject],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    max_age: maxAgeMs * NS,
    max_bytes: maxBytes,
    max_msgs: maxMessages,
    num_replicas: replicas,
    duplicate_window: Math.min(REPEATED_MS, maxAgeMs) * NS,
  };
}

function stateOf({ created, state: { first_seq: first, last_seq: last } }: Reply): StreamState {
  return { createdMs: Date.parse(created), first: Math.max(1, first), last };
}

/** A request whose refusal `not found` is an answer. */
function call(link: NatsLink, verb: string, body: object): Promise<Reply> {
  const read = (message: NatsMessage) => {
    const reply = parse(message);
    return reply.error?.code === NOT_FOUND ? reply : accepted(reply);
  };
  return link.request(`$JS.API.${verb}`, JSON.stringify(body), { read });
}

async function demand(reply: Promise<Reply>): Promise<Reply> {
  return accepted(await reply);
}

function parse(message: NatsMessage): Reply {
  return JSON.parse(message.text()) as Reply;
}

function accepted(reply: Reply): Reply {
  if (!reply.error) return reply;
  const { code, err_code: number = code, description = '' } = reply.error;
  throw new OxbowError('service-unavailable', `JetStream has refused a request (${number}): ${description}.`);
}

/**
 * The place of a message, from where it is acknowledged: `$JS.ACK.STREAM.CONSUMER.…`, since 2.10 also with a
 * domain and an account before the stream.
 */
function placeOf(message: NatsMessage): StoredMessage | undefined {
  const parts = message.reply.split('.');
  if (parts[0] !== '$JS' || parts[1] !== 'ACK' || parts.length < 9) return undefined;
  const [, sequence, received] = parts.slice(parts.length === 9 ? 4 : 6);
  return { sequence: Number(sequence), received: Number(received), message };
}
