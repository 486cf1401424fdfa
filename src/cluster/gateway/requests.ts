/**
 * Requests for the API and for pages, passed to the nodes that own their subjects.
 * In: requests. Out: whether another node has answered. docs/decisions/0055.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { locked } from '../../library/uploads/upload-locks.ts';
import { pathOf } from '../../serve/exchange/exchange.ts';
import type { Taken } from '../../serve/other-nodes.ts';
import type { NodeView } from '../placement/placement.ts';
import { isSignedBody, MAX_SIGNED_BYTES, otherBody } from '../requests/node-signature.ts';
import type { Owners } from './owners.ts';
import { peekBody } from './peek-body.ts';
import { nodeUnanswered, type Peers } from './peers.ts';
import type { Refusals } from './refusals.ts';
import { type AboutBody, madeBy, type PassedKind, subjectIn, subjectOf } from './request-subject.ts';

/**
 * JSON that names a stream or an upload is at most as long as the API takes; a form says it at its beginning.
 */
const PEEKED_BYTES = { json: 1024 * 1024, multipart: 16 * 1024 } as const;

/** Dependencies of passed requests. */
interface PassedRequestsOptions {
  readonly owners: Owners;
  readonly peers: Peers;
  readonly refusals: Refusals;
  /**
   * Of this program: pages are passed only to nodes with the same one, since their files have other names in
   * another.
   */
  readonly version: string;
  /** Called with each passed request. */
  count(kind: PassedKind, node: NodeView): void;
  /** Called when a node did not answer. */
  onUnanswered(node: string): void;
}

export class PassedRequests {
  readonly #options: PassedRequestsOptions;

  constructor(options: PassedRequestsOptions) {
    this.#options = options;
  }

  /** Answers a request that is for another node; false: this node answers it. */
  pass(request: IncomingMessage, response: ServerResponse): Taken {
    const { method = 'GET', url = '/', nodeSender } = request;
    if (nodeSender) return this.#refuseOtherBody(request, response, nodeSender.bodyHash);
    const { owners, refusals } = this.#options;
    const target = pathOf(url);
    const about = subjectOf(method, target);
    const isHere = about !== undefined && !('field' in about) && owners.isOwn(about.subject);
    const made = isHere ? undefined : madeBy(method, target);
    const pass = (owner: NodeView | undefined): Taken => {
      const passTo = (node: NodeView) => this.#passTo(node, request, response, about?.passed ?? 'api');
      const node = owner ?? owners.takerOf(made);
      if (node) return passTo(node);
      const choosing = owners.lessLoaded(made);
      if (!choosing) return false;
      // Without an answer of the database it is this process that says so.
      return choosing.then((chosen) => (chosen ? passTo(chosen) : false)).catch(() => false);
    };
    if (!about) return pass(undefined);
    const node = 'field' in about ? this.#nodeIn(request, about) : owners.nodeOf(about.subject);
    if (!(node instanceof Promise)) return pass(node);
    return node.then(pass).catch((error: unknown) => {
      refusals.ofRequest(request, response, error);
      return true;
    });
  }

  /**
   * Resolves true at once; a page false if its owner does not answer: this node has it too, without the
   * preview.
   */
  #passTo(node: NodeView, request: IncomingMessage, response: ServerResponse, passed: PassedKind): Taken {
    const { peers, version, count, onUnanswered } = this.#options;
    if (passed === 'page' && (node.version !== version || !node.isAlive)) return false;
    count(passed, node);
    if (!node.isAlive) {
      onUnanswered(node.name);
      this.#refuse(request, response, passed, nodeUnanswered(node.name));
      return true;
    }
    const { passer } = peers.of(node);
    if (passed !== 'page') {
      passer.request(request, response, (reason) => this.#refuse(request, response, passed, reason));
      return true;
    }
    return new Promise((resolve) => {
      passer.request(request, response, () => resolve(false));
      response.once('close', () => resolve(true));
    });
  }

  /** tus-js-client begins a new upload when HEAD fails, unless the upload is locked: then it retries. */
  #refuse(request: IncomingMessage, response: ServerResponse, passed: PassedKind, reason: unknown): void {
    const isTusHead = passed === 'upload' && request.method === 'HEAD';
    this.#options.refusals.ofRequest(request, response, isTusHead ? locked(reason) : reason);
  }

  async #nodeIn(request: IncomingMessage, about: AboutBody): Promise<NodeView | undefined> {
    const read = (bytes: Buffer) => subjectIn(about, bytes);
    const subject = await peekBody(request, {
      maxBytes: PEEKED_BYTES[about.form],
      read,
      isWhole: about.form === 'json',
    });
    return subject && this.#options.owners.nodeOf(subject);
  }

  /**
   * Resolves true if the body is not the one that a node has signed: the request is refused, and nothing was
   * done with it.
   *
   * @param bodyHash undefined: there is nothing to compare
   */
  #refuseOtherBody(request: IncomingMessage, response: ServerResponse, bodyHash: string | undefined): Taken {
    if (bodyHash === undefined) return false;
    const read = (bytes: Buffer) => isSignedBody(bytes, bodyHash);
    return peekBody(request, { maxBytes: MAX_SIGNED_BYTES, read, isWhole: true })
      .then((isRight) => {
        if (!isRight) throw otherBody();
        return false;
      })
      .catch((error: unknown) => {
        this.#options.refusals.ofRequest(request, response, error);
        return true;
      });
  }
}
