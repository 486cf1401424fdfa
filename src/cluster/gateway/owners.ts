/**
 * Which other node answers for something: the one that owns it, or one that may.
 * In: subjects of requests, the placement. Out: nodes; undefined where this node answers.
 * docs/decisions/0055.
 */
import { createHash, randomInt } from 'node:crypto';
import { parseMediaTarget } from '../../api/media-address.ts';
import { nodeOfWorker } from '../../jobs/worker-table.ts';
import type { Awaitable } from '../../serve/deps.ts';
import { type NodeView, type OwnedKind, type Owner, type Placement, roleFor } from '../placement/placement.ts';
import { type OwnedThing, type Subject, subjectOfMedia } from './request-subject.ts';

/** Dependencies of owners. */
export interface OwnersOptions {
  readonly placement: Placement;
  /** Name of the stream of a clip; undefined: there is no such clip. */
  readonly streamOfClip: (id: string) => Promise<string | undefined>;
  /** Of addresses that name no stream; undefined: unknown. */
  readonly defaultStream: () => string | undefined;
}

export class Owners {
  readonly #options: OwnersOptions;

  constructor(options: OwnersOptions) {
    this.#options = options;
  }

  /** The other node that owns a subject; undefined: this node answers. */
  nodeOf(subject: Subject): Awaitable<NodeView | undefined> {
    if ('clip' in subject) return this.#nodeOfClip(subject.clip);
    if ('worker' in subject) return this.#liveNode(nodeOfWorker(subject.worker));
    // A room may be older than the cluster: the first node that needs it has it.
    const otherOf = (owner: Owner) =>
      owner === undefined && subject.kind === 'room' ? this.takerOf('room', subject.key) : otherNode(owner);
    const owner = this.#ownerOf(subject);
    return owner instanceof Promise ? owner.then(otherOf) : otherOf(owner);
  }

  /** Whether this node is known to own a subject. */
  isOwn(subject: Subject): boolean {
    return 'kind' in subject && this.#options.placement.find(subject.kind, subject.key) === 'own';
  }

  /**
   * The node for a thing without an owner that this one may not own.
   *
   * @param kind undefined: a request makes nothing
   * @param key nodes that need the same thing at the same time choose one node for it; undefined: it is new
   */
  takerOf(kind: OwnedKind | undefined, key?: string): NodeView | undefined {
    const { placement } = this.#options;
    if (kind === undefined || placement.takes(kind)) return undefined;
    const able = placement.others.filter(({ roles, isAlive }) => isAlive && roles.includes(roleFor[kind]));
    const number = key === undefined ? randomInt(2 ** 32) : createHash('sha1').update(key).digest().readUInt32BE();
    return able[number % able.length];
  }

  /** See `Placement.lessLoaded`. */
  lessLoaded(kind: OwnedKind | undefined): Promise<NodeView | undefined> | undefined {
    return kind && this.#options.placement.lessLoaded(kind);
  }

  /** The node that owns the media of a request target, if it is known already. */
  nodeOfTarget(target: string): NodeView | undefined {
    const { placement, defaultStream } = this.#options;
    const media = parseMediaTarget(target);
    const subject = media && subjectOfMedia(media.address, defaultStream);
    if (!subject || !('kind' in subject)) return undefined;
    return otherNode(placement.find(subject.kind, subject.key));
  }

  /** Whether something is not at a node any more that did not answer, or the node is back. */
  hasChanged(subject: Subject, { name, isAlive }: NodeView): boolean {
    if (!('kind' in subject)) return false;
    const owner = this.#options.placement.find(subject.kind, subject.key);
    return owner === undefined || owner === 'own' || owner.name !== name || (owner.isAlive && !isAlive);
  }

  #ownerOf({ kind, key }: OwnedThing): Awaitable<Owner> {
    const { placement } = this.#options;
    return placement.find(kind, key) ?? placement.lookUp(kind, key);
  }

  /** A worker whose node is dead is unknown here, and registers again. */
  #liveNode(name: string): NodeView | undefined {
    return this.#options.placement.others.find((node) => node.name === name && node.isAlive);
  }

  async #nodeOfClip(id: string): Promise<NodeView | undefined> {
    const stream = await this.#options.streamOfClip(id);
    return stream === undefined ? undefined : otherNode(await this.#ownerOf({ kind: 'stream', key: stream }));
  }
}

function otherNode(owner: Owner): NodeView | undefined {
  return owner === 'own' ? undefined : owner;
}
