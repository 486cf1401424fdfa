/**
 * A WebRTC data channel to another viewer, as the loader of segments (p2p-media-loader-core) uses it.
 * In: session descriptions of the other side, bytes of the loader. Out: events `connect`, `data`, `drain`,
 * `error`, `close`. RFC 8831.
 */

/** The loader stops to write above this, and continues below half of it, bytes. */
const MOST_BUFFERED = 1024 * 1024;
/** Candidates that are not found within this are not waited for, ms. */
const GATHER_MS = 2000;
/** Most bytes of a peer within `WINDOW_MS`: more is an attack on the memory of the page. */
const MOST_RECEIVED = 64 * 1024 * 1024;
const WINDOW_MS = 5000;
/**
 * Most bytes of a command of the loader, which keeps its pieces until the last one comes. The longest lists
 * forty segments.
 */
const MOST_COMMAND = 128 * 1024;
/** How pieces of commands begin: the first one, and all others. */
const FIRST_PIECE = 'cstr';
const NEXT_PIECE = 'dstr';

type Event = 'connect' | 'data' | 'drain' | 'error' | 'close' | 'end' | 'finish';
type Listener = (value?: unknown) => void;

/** One connection, open or to be opened. */
export class PeerLink {
  /** Hexadecimal digits of the peer's id, set when the other side is known. */
  id = '';
  /** The id as text; the loader sets it. */
  idUtf8 = '';
  readonly initiator: boolean;
  readonly #peer: RTCPeerConnection;
  readonly #listeners = new Map<Event, Set<Listener>>();
  #channel: RTCDataChannel | null = null;
  #isConnected = false;
  #isDestroyed = false;
  #received = { sinceMs: 0, bytes: 0 };
  /** Of the command that is being received. */
  #commandBytes = 0;

  /** @param initiator this side makes the offer */
  constructor(config: RTCConfiguration, { initiator }: { readonly initiator: boolean }) {
    this.initiator = initiator;
    this.#peer = new RTCPeerConnection(config);
    this.#peer.addEventListener('connectionstatechange', () => {
      // A page that was closed reports nothing: its packets only cease.
      if (['disconnected', 'failed', 'closed'].includes(this.#peer.connectionState)) this.destroy();
    });
    if (initiator) this.#use(this.#peer.createDataChannel('segments'));
    else this.#peer.addEventListener('datachannel', ({ channel }) => this.#channel ?? this.#use(channel));
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#isDestroyed;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  on(event: Event, listener: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener);
  }

  off(event: Event, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** The offer of this side, with its addresses. */
  async offer(): Promise<RTCSessionDescriptionInit> {
    return this.#describe(await this.#peer.createOffer());
  }

  /** The answer to an offer of the other side, with the addresses of this side. */
  async answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    await this.#peer.setRemoteDescription(offer);
    return this.#describe(await this.#peer.createAnswer());
  }

  /** Takes the answer to the offer. */
  async accept(answer: RTCSessionDescriptionInit): Promise<void> {
    await this.#peer.setRemoteDescription(answer);
  }

  /** Sends a message. @returns false: `drain` follows when there is room again */
  write(message: ArrayBuffer | Uint8Array<ArrayBuffer>): boolean {
    const channel = this.#channel;
    if (this.#isDestroyed || channel?.readyState !== 'open') return true;
    try {
      channel.send(message as ArrayBuffer);
    } catch {
      this.destroy();
      return true;
    }
    return channel.bufferedAmount < MOST_BUFFERED;
  }

  /** Ends it. May be called twice. */
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#channel?.close();
    this.#peer.close();
    this.#emit('close');
  }

  #use(channel: RTCDataChannel): void {
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = MOST_BUFFERED / 2;
    channel.addEventListener('bufferedamountlow', () => this.#emit('drain'));
    channel.addEventListener('close', () => this.destroy());
    channel.addEventListener('message', ({ data }) => {
      if (!(data instanceof ArrayBuffer) || !this.#mayReceive(new Uint8Array(data))) this.destroy();
      else this.#emit('data', new Uint8Array(data));
    });
    const opened = () => {
      if (this.#isConnected || this.#isDestroyed) return;
      this.#isConnected = true;
      this.#emit('connect');
    };
    channel.addEventListener('open', opened);
    if (channel.readyState === 'open') opened();
  }

  #mayReceive(message: Uint8Array): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#received.sinceMs > WINDOW_MS) this.#received = { sinceMs: nowMs, bytes: 0 };
    this.#received.bytes += message.byteLength;
    const start = String.fromCharCode(...message.subarray(0, 4));
    if (start === FIRST_PIECE) this.#commandBytes = message.byteLength;
    else if (start === NEXT_PIECE) this.#commandBytes += message.byteLength;
    return this.#received.bytes <= MOST_RECEIVED && this.#commandBytes <= MOST_COMMAND;
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    await this.#peer.setLocalDescription(description);
    if (this.#peer.iceGatheringState !== 'complete') {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, GATHER_MS);
        this.#peer.addEventListener('icegatheringstatechange', () => {
          if (this.#peer.iceGatheringState !== 'complete') return;
          clearTimeout(late);
          resolve();
        });
      });
    }
    const { type, sdp } = this.#peer.localDescription ?? description;
    return { type, sdp: sdp ?? '' };
  }

  #emit(event: Event, value?: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(value);
  }
}
