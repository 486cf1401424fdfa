/**
 * Which streams of a cluster this node runs.
 * In: owners, rows. Out: decisions for the catalog. docs/decisions/0055.
 */
import type { Placement } from '../../cluster/placement/placement.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { StreamDefinition } from '../definition.ts';
import type { ManagedStream } from '../managed-stream.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { readDefinition } from '../stream-table.ts';

/** A publisher that was led away leaves within this time, ms: longer than usual GOPs. */
const LEAVE_MS = 6000;

/**
 * Whether this node owns a stream, or it had no owner: then this node is its owner from now on, if its roles
 * permit it.
 *
 * @param options.anywhere the stream is one of many that each process of a server opens now; see
 *   `Placement.claim`
 */
export async function isOwn(
  placement: Placement,
  name: string,
  options?: { readonly anywhere: boolean },
): Promise<boolean> {
  const owner = placement.find('stream', name);
  if (owner !== undefined || !placement.takes('stream')) return owner === 'own';
  return (await placement.claim('stream', name, options)) === 'own';
}

/** Throws `publisher-active` unless another node can run the stream without an interruption. */
export function assertMovable(stream: ManagedStream, { node }: Placement): void {
  const { name, source } = stream.definition;
  if (source.type === 'push' && !stream.publishers.active) return;
  throw new OxbowError('publisher-active', `${name} is published on the node ${node}.`);
}

/** Its publisher, if that was led to another node. */
export function leavingPublisherOf({ publishers }: Pick<ManagedStream, 'publishers'>): Publisher | undefined {
  const { active } = publishers;
  return active?.connection.isLedAway ? active : undefined;
}

/**
 * Waits until its publishers that were led away have left: the active one, then each that follows it. They
 * publish to the other node meanwhile. One that has not left after six seconds is replaced, or stays, by the
 * policy of the stream: what publishes there may be another client.
 *
 * @param why for the publishers, a fragment
 */
export async function waitForLeave(
  stream: Pick<ManagedStream, 'publishers' | 'definition'>,
  why: string,
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), LEAVE_MS);
  for (let leaving = leavingPublisherOf(stream); leaving; leaving = leavingPublisherOf(stream)) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = AbortSignal.any([leaving.signal, late.signal]);
    if (ended.aborted) resolve();
    else ended.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    if (!late.signal.aborted || leaving.signal.aborted) continue;
    const { source } = stream.definition;
    if (source.type !== 'push' || source.onSecondPublisher !== 'replace') break;
    leaving.close(why, new OxbowError('publish-refused', sentenceOf(why)));
  }
  clearTimeout(timer);
}

/**
 * The definition of a stream that this node has taken over; undefined if it does not own it, or there is no
 * such stream.
 */
export async function readAdopted(
  { placement, store, reload }: Pick<StreamDeps, 'placement' | 'store' | 'reload'>,
  name: string,
): Promise<{ readonly definition: StreamDefinition; readonly isRemoved: boolean } | undefined> {
  if (placement.find('stream', name) !== 'own') return undefined;
  const { definition, isRemoved } = await readDefinition(store.db, name);
  if (!definition) return undefined;
  await reload?.(definition.id);
  return { definition, isRemoved };
}

/**
 * Throws `not-ready` if a stream that does not run here has an owner: it moves, and the client requests it
 * from another node next time.
 */
export function assertNotMoving(placement: Placement, name: string): void {
  const owner = placement.node === '' ? undefined : placement.find('stream', name);
  if (owner === undefined) return;
  throw new OxbowError('not-ready', `${name} moves to another node.`, { extra: { retryAfterSeconds: 1 } });
}
