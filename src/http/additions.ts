/**
 * The HTTP answers of a feature that are no rows of the table of routes: WebSockets, and addresses whose
 * bodies are not JSON or whose paths are longer than a row can say.
 * In: features. Out: the router and the upgrades. Types only.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { OwnHosts } from '../serve/client/host-check.ts';
import type { HttpDeps } from './deps.ts';
import type { Authorizer } from './route/authorize.ts';
import type { Upgrade } from './upgrades.ts';

/** WebSockets that are open. */
export interface OpenSockets {
  /** The target is what `targetOf` returned. */
  readonly open: Upgrade<string>;
  /** Ends all connections with a message, and accepts no more. May be called twice. */
  close(): void;
  /** Ends those that are left. */
  destroy(): void;
}

/** WebSockets of a feature. In a cluster the other nodes get the request first. */
interface AddedSockets {
  /** The object of a request's path; undefined: no socket of the feature. */
  targetOf(path: string): string | undefined;
  /** @param ownHosts names that this server answers to */
  open(ownHosts: OwnHosts): OpenSockets;
}

/** What registering addresses uses. */
export interface ScopeTools {
  readonly authorizer: Authorizer;
  /** Aborts when the client disconnects. */
  signalOf(reply: FastifyReply): AbortSignal;
}

/** The additions of one feature. */
export interface HttpAdditions {
  readonly sockets: AddedSockets;
  /** Registers its addresses in a scope that has its body parsers. */
  register(scope: FastifyInstance, tools: ScopeTools): void;
}

/** Makes them over the dependencies of the server. */
export type AddToHttp = (deps: HttpDeps) => HttpAdditions;
