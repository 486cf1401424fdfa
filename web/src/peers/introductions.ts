/**
 * The WebSocket by which oxbow introduces the viewers of a stream, as one page uses it: its swarms share one
 * connection, which is opened again when it is lost.
 * In: texts of the server. Out: texts for the swarms of the page. docs/4-watch/peers.md.
 */

/** Pause before a lost connection is opened again, ms: from the first to the longest. */
const AGAIN_MS = { first: 2000, most: 60_000 } as const;

/** A swarm of the page. */
export interface SwarmClient {
  /** 20 characters. */
  readonly name: string;
  /** The connection is open: it announces itself. */
  opened(): void;
  received(message: TrackerMessage): void;
}

/** What the server sends, unchecked: as far as it is used here. */
export interface TrackerMessage {
  readonly info_hash?: unknown;
  readonly interval?: unknown;
  readonly complete?: unknown;
  readonly peer_id?: unknown;
  readonly offer_id?: unknown;
  readonly offer?: unknown;
  readonly answer?: unknown;
}

/** The open ones, by address: the loader knows the address only. */
const open = new Map<string, Introductions>();

/** The introductions at an address; undefined: they were closed. */
export const introductionsAt = (url: string): Introductions | undefined => open.get(url);

/** One connection of one page; `close` ends it. */
export class Introductions {
  readonly url: string;
  /** Peers that have sent wrong bytes: they are not met again. */
  readonly refused = new Set<string>();
  /** Bytes of other viewers since the last report. */
  #receivedBytes = 0;
  readonly #clients = new Set<SwarmClient>();
  #socket: WebSocket | null = null;
  #pauseMs: number = AGAIN_MS.first;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** @param url `wss://…`; one of a page may have it */
  constructor(url: string) {
    this.url = url;
    open.set(url, this);
    this.#connect();
  }

  /** The swarm that was joined last; null: none. */
  get current(): SwarmClient | null {
    return [...this.#clients].at(-1) ?? null;
  }

  join(client: SwarmClient): void {
    this.#clients.add(client);
    if (this.#socket?.readyState === WebSocket.OPEN) client.opened();
  }

  leave(client: SwarmClient): void {
    this.#clients.delete(client);
  }

  /** Whether a client of the page is in a swarm. */
  has(swarm: string): boolean {
    return [...this.#clients].some(({ name }) => name === swarm);
  }

  /** Bytes came from another viewer. */
  gained(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** The bytes since the last call. */
  takeGained(): number {
    const bytes = this.#receivedBytes;
    this.#receivedBytes = 0;
    return bytes;
  }

  /** Sends a message; dropped while there is no connection. */
  send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (open.get(this.url) === this) open.delete(this.url);
    this.#socket?.close();
    this.#clients.clear();
  }

  #connect(): void {
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#pauseMs = AGAIN_MS.first;
      for (const client of this.#clients) client.opened();
    });
    socket.addEventListener('message', ({ data }) => {
      const message = parse(data);
      for (const client of this.#clients) if (client.name === message?.info_hash) client.received(message);
    });
    socket.addEventListener('close', () => {
      if (this.#isClosed) return;
      // Those of a server that has restarted do not come at once.
      this.#timer = setTimeout(() => this.#connect(), this.#pauseMs * (0.5 + Math.random()));
      this.#pauseMs = Math.min(AGAIN_MS.most, this.#pauseMs * 2);
    });
  }
}

function parse(data: unknown): TrackerMessage | null {
  try {
    return JSON.parse(String(data)) as TrackerMessage | null;
  } catch {
    return null;
  }
}
