/**
 * What the supervisor and the processes of a server say to each other.
 * In: messages over the channel of a child process. Out: a link for the process, typed messages for the
 * supervisor. docs/decisions/0093.
 */
import { Socket } from 'node:net';
import type { EventType } from '../../api/events.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import { unreadSocket } from '../../lib/unread-socket.ts';
import type { Audience } from '../bus/event-bus.ts';
import type { EventPosition } from '../bus/event-ring.ts';

/** An event that has no number yet. */
export interface EventDraft {
  readonly type: EventType;
  /** RFC 3339. */
  readonly at: string;
  readonly stream: string | null;
  readonly data: unknown;
  readonly audience: Audience;
  readonly traceparent?: string | undefined;
}

/** An event in the order of all processes. */
export interface NumberedEvent extends EventDraft {
  /** Name of the process that has published it. */
  readonly from: string;
}

/** The ports that processes share, by protocol; the first process chooses where a setting leaves it open. */
export type SharedPorts = Readonly<Record<'http' | 'rtmp' | 'rtmps' | 'rtsp' | 'srt' | 'srtla', number | undefined>>;

/** What a process needs for its start. */
export interface ProcessStart {
  readonly name: string;
  /** Names of all processes. */
  readonly names: readonly string[];
  /** No other process of the server runs: it may do what others must not do at the same time. */
  readonly isFirst: boolean;
  /** Signs requests of the processes to each other. */
  readonly secret: string;
  /** Those that are open already; the first process opens the others. */
  readonly ports: Partial<SharedPorts>;
  /** File descriptor of its socket on the port of SRT; undefined: there is none. */
  readonly srtFd: number | undefined;
  /**
   * The port of bonded senders, which the supervisor has, and where it passes them on; undefined: there is
   * none.
   */
  readonly srtla: { readonly port: number; readonly relayPort: number } | undefined;
  readonly events: EventPosition;
}

/** A client whose connection another process continues. */
export interface PassedClient {
  readonly protocol: 'rtmp' | 'rtmps' | 'rtsp';
  /** Its address and port. */
  readonly remote: string;
  /** Everything that was read of it, base64. */
  readonly received: string;
  /** Its requests that were answered, for RTSP. */
  readonly answered: number;
}

/** A caller of SRT whose datagrams another process continues with: the port of SRT has no connections. */
export interface PassedCaller {
  /** Where it is, as the socket of SRT names it. */
  readonly address: string;
  readonly port: number;
  /** Its datagrams come from this port of this computer. */
  readonly relayPort: number;
  /** The process sends this to the port, which shows where it receives them. */
  readonly hello: string;
}

/** What the port of bonded senders has seen; see `SrtlaStats`. */
export interface BondedCounts {
  readonly groups: number;
  readonly links: number;
  readonly registered: number;
  readonly refused: number;
  readonly unknown: number;
  readonly ignored: number;
}

/** Continues with a client. Its socket does not read yet. */
export type TakeClient = (client: PassedClient, socket: Socket) => void;

/** A message of the supervisor. */
export type ToProcess =
  | { readonly t: 'start'; readonly start: ProcessStart }
  /** With a connection that waited while all processes were started. */
  | { readonly t: 'connection' }
  | { readonly t: 'event'; readonly event: NumberedEvent }
  /** With the connection of a client that another process passes to this one. */
  | { readonly t: 'client'; readonly client: PassedClient }
  | { readonly t: 'caller'; readonly caller: PassedCaller }
  /** To the first process, which counts for all. */
  | { readonly t: 'bonded'; readonly counts: BondedCounts }
  /** Is answered at once. */
  | { readonly t: 'ping' };

/** A message of a process. @typeParam Ready what it says when it is ready */
export type FromProcess<Ready> =
  | { readonly t: 'publish'; readonly event: EventDraft }
  | { readonly t: 'ready'; readonly ready: Ready }
  /** With the connection of a client, for the process of that name. */
  | { readonly t: 'pass'; readonly to: string; readonly client: PassedClient }
  | { readonly t: 'caller'; readonly to: string; readonly caller: PassedCaller }
  /** The process takes bonded senders at this port of this computer. */
  | { readonly t: 'bonded'; readonly port: number }
  /** The stream of this bonded sender is at the process of that name. */
  | { readonly t: 'move-bonded'; readonly to: string; readonly group: number }
  | { readonly t: 'pong' };

/** The link of a process to its supervisor. */
export interface ProcessLink {
  readonly start: ProcessStart;
  /** Emits the events of all processes, in one order; first those that came before. Has one subscriber. */
  readonly event: Subscribable<NumberedEvent>;
  /** Emits connections of clients that the supervisor has accepted. Their reading is paused. */
  readonly connection: Subscribable<Socket>;
  /** Resolves when the supervisor has ended. */
  readonly closed: Promise<void>;
  publish(event: EventDraft): void;
  /** Passes a client to the process of that name. One that does not run, or cannot, closes the connection. */
  pass(to: string, client: PassedClient, socket: Socket): void;
  /** Takes clients of a protocol that other processes pass to this one. Returns a function that ends it. */
  takeClients(protocol: PassedClient['protocol'], take: TakeClient): () => void;
  /** Passes a caller to the process of that name. One that does not run never says hello. */
  passCaller(to: string, caller: PassedCaller): void;
  /** Takes callers that other processes pass to this one. Returns a function that ends it. */
  takeCallers(take: (caller: PassedCaller) => void): () => void;
  /** Takes bonded senders at that port of this computer. */
  takeBonded(port: number): void;
  /** Moves a bonded sender to the process of that name. */
  moveBonded(to: string, group: number): void;
  /** Emits what the port of bonded senders has seen, to the first process. */
  readonly bonded: Subscribable<BondedCounts>;
}

/** Whether this process does what one does for all, such as reporting a full disk: the first or sole one. */
export function isSpeaker(part: { readonly link: Pick<ProcessLink, 'start'> } | undefined): boolean {
  return !part || part.link.start.names[0] === part.link.start.name;
}

/** Most clients, and most callers, that wait for a process that starts. */
const MAX_EARLY = 256;

/** Clients that other processes pass: those that come while this process starts wait until it takes them. */
class EarlyClients {
  /** By protocol; undefined: this process ends, and takes none any more. */
  readonly #takers = new Map<PassedClient['protocol'], TakeClient | undefined>();
  #early: { readonly client: PassedClient; readonly socket: Socket }[] = [];

  take(protocol: PassedClient['protocol'], taker: TakeClient): () => void {
    this.#takers.set(protocol, taker);
    const early = this.#early;
    this.#early = early.filter(({ client }) => client.protocol !== protocol);
    for (const { client, socket } of early) if (client.protocol === protocol) taker(client, socket);
    return () => void this.#takers.set(protocol, undefined);
  }

  /** @param socket undefined: the client has left */
  pass(client: PassedClient, socket: Socket | undefined): void {
    if (!socket) return;
    const taker = this.#takers.get(client.protocol);
    if (taker) taker(client, socket);
    else if (this.#takers.has(client.protocol) || this.#early.length >= MAX_EARLY) socket.destroy();
    else this.#early.push({ client, socket });
  }
}

/** The channel of a child process. */
type Channel = Pick<NodeJS.Process, 'send' | 'on' | 'once'>;

/** Opens the link of this process, once the supervisor has said what it is for. */
export async function openProcessLink(channel: Channel): Promise<ProcessLink> {
  const started = Promise.withResolvers<ProcessStart>();
  const event = new Emitter<NumberedEvent>();
  // Events come while the bus of this process is not open yet: their numbers must not be missed.
  const early: NumberedEvent[] = [];
  const connection = new Emitter<Socket>();
  const caller = new Emitter<PassedCaller>();
  const earlyCallers: PassedCaller[] = [];
  const bonded = new Emitter<BondedCounts>();
  const clients = new EarlyClients();
  channel.on('message', (message: ToProcess, handle: unknown) => {
    if (message.t === 'start') started.resolve(message.start);
    else if (message.t === 'ping') sendTo(channel, { t: 'pong' });
    else if (message.t === 'caller' && caller.size === 0) {
      if (earlyCallers.push(message.caller) > MAX_EARLY) earlyCallers.shift();
    } else if (message.t === 'caller') caller.emit(message.caller);
    else if (message.t === 'bonded') bonded.emit(message.counts);
    else if (message.t === 'event' && event.size === 0) early.push(message.event);
    else if (message.t === 'event') event.emit(message.event);
    else if (!(handle instanceof Socket))
      return; // the client has left
    else if (message.t === 'client') clients.pass(message.client, unreadSocket(handle));
    else connection.emit(handle);
  });
  const closed = new Promise<void>((resolve) => channel.once('disconnect', () => resolve()));
  const start = await started.promise;
  const followed: Subscribable<NumberedEvent> = {
    subscribe(listener) {
      for (const each of early.splice(0)) listener(each);
      return event.subscribe(listener);
    },
  };
  return {
    start,
    event: followed,
    connection,
    closed,
    publish: (draft) => sendTo(channel, { t: 'publish', event: draft }),
    pass(to, client, socket) {
      const message: FromProcess<never> = { t: 'pass', to, client };
      channel.send?.(message, socket, undefined, (error) => error && socket.destroy());
    },
    takeClients: (protocol, taker) => clients.take(protocol, taker),
    passCaller: (to, passed) => sendTo(channel, { t: 'caller', to, caller: passed }),
    takeCallers(taker) {
      for (const each of earlyCallers.splice(0)) taker(each);
      return caller.subscribe(taker);
    },
    takeBonded: (port) => sendTo(channel, { t: 'bonded', port }),
    moveBonded: (to, group) => sendTo(channel, { t: 'move-bonded', to, group }),
    bonded,
  };
}

/** Sends a message to the supervisor; one that has ended gets none. */
export function sendTo<Ready>(channel: Pick<Channel, 'send'>, message: FromProcess<Ready>): void {
  channel.send?.(message, undefined, undefined, () => undefined); // the process ends when its supervisor has
}
