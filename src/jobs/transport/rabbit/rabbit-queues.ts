/**
 * The queues of jobs in RabbitMQ: one quorum queue for each kind and class of priority, and one for messages
 * that no process could use. RabbitMQ 3.10, which the oldest supported systems have, has no priorities within
 * quorum queues.
 * In: kinds, priorities. Out: names and arguments of queues, messages.
 */
import type { WaitingJob } from '../job-transport.ts';

/** Classes of priority: above 0, 0, below 0. */
const CLASSES = ['high', 'normal', 'low'] as const;

/** Deliveries of one message that may fail before it is a dead letter. */
const DELIVERY_LIMIT = 20;
/** Messages of one queue; further ones are refused, and their jobs are offered again later. */
const MAX_LENGTH = 20_000;
/** Dead letters that are kept; the oldest are dropped. */
const MAX_DEAD = 1000;

/** A queue to declare. */
export interface QueueDeclaration {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number>>;
}

/** The queue of dead letters. */
export function deadQueue(prefix: string): QueueDeclaration {
  return {
    name: `${prefix}.jobs.dead`,
    arguments: { 'x-queue-type': 'quorum', 'x-max-length': MAX_DEAD, 'x-overflow': 'drop-head' },
  };
}

/** The queues of a kind, one for each class. */
export function queuesOf(prefix: string, kind: string): readonly QueueDeclaration[] {
  return CLASSES.map((name) => jobQueue(prefix, kind, name));
}

/** The queue of a job. */
export function queueOf(prefix: string, { kind, priority }: Pick<WaitingJob, 'kind' | 'priority'>): QueueDeclaration {
  return jobQueue(prefix, kind, priority > 0 ? 'high' : priority < 0 ? 'low' : 'normal');
}

function jobQueue(prefix: string, kind: string, name: (typeof CLASSES)[number]): QueueDeclaration {
  return {
    name: `${prefix}.jobs.${kind}.${name}`,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-max-length': MAX_LENGTH,
      // Both are needed for dead letters that are delivered at least once.
      'x-overflow': 'reject-publish',
      'x-dead-letter-strategy': 'at-least-once',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': deadQueue(prefix).name,
    },
  };
}

/** The message that a job waits. */
export function printMessage({ id, number, kind, priority }: WaitingJob): Buffer {
  return Buffer.from(JSON.stringify({ id, number, kind, priority }));
}
