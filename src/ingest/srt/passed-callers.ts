/**
 * Callers of SRT that reached another process than that of their stream. The system gives everything that a
 * caller sends to one process, which passes it on over a socket of this computer; the process of the stream
 * answers the caller itself, from the port that all processes share.
 * In: callers that are passed on, here or there. Out: their datagrams, with the address of the caller.
 * docs/decisions/0093.
 */
import { randomBytes } from 'node:crypto';
import type { SrtForwarding, SrtListener, SrtSource } from '@oxbow/wire/srt/srt';
import { openUdp, type UdpSocket } from '@oxbow/wire/udp';
import type { PassedCaller, ProcessLink } from '../../cluster/processes/process-link.ts';

const LOOPBACK = '127.0.0.1';
/** A caller of another process that sends nothing for this time is forgotten, ms: longer than there. */
const SILENT_MS = 15_000;

/** What is needed of the link. */
export type CallerLink = Pick<ProcessLink, 'passCaller' | 'takeCallers'>;

/** Passes a caller on to the process of that name. Until that one says hello, its datagrams are lost. */
export function passCaller(link: CallerLink, process: string, caller: SrtSource, failed: (error: unknown) => void) {
  const hello = randomBytes(16).toString('hex');
  let isOver = false;
  let target: number | undefined;
  let socket: UdpSocket | undefined;
  const opening = openLoopback((packet, port) => {
    if (target === undefined && Buffer.from(packet).equals(Buffer.from(hello))) target = port;
  }, failed);
  void opening.then((opened) => {
    if (isOver) return void opened.close();
    socket = opened;
    link.passCaller(process, { ...caller, relayPort: opened.port, hello });
  }, failed);
  const forwarding: SrtForwarding = {
    send(packet) {
      if (target !== undefined) socket?.transmit(packet, LOOPBACK, target);
    },
    close() {
      isOver = true;
      void socket?.close();
    },
  };
  return forwarding;
}

interface ForeignCaller extends SrtSource {
  heardMs: number;
}

/** What the process of the streams is opened with. */
interface TakenCallersSetup {
  readonly link: CallerLink;
  readonly listener: Pick<SrtListener, 'receiveForwarded'>;
  /** Callers at a time; of further ones nothing is taken. */
  readonly maxCallers: number;
  readonly nowMs: () => number;
  readonly failed: (error: unknown) => void;
}

/** Takes the callers that other processes pass to this one. */
export class TakenCallers implements AsyncDisposable {
  readonly #setup: TakenCallersSetup;
  /** By the port from which their process passes them on, which no other program can use meanwhile. */
  readonly #callers = new Map<number, ForeignCaller>();
  readonly #takeNone: () => void;
  #socket: Promise<UdpSocket> | undefined;

  constructor(setup: TakenCallersSetup) {
    this.#setup = setup;
    this.#takeNone = setup.link.takeCallers((caller) => void this.#take(caller).catch(setup.failed));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#takeNone();
    const socket = await this.#socket?.catch(() => undefined); // it was reported
    await socket?.close();
  }

  async #take({ address, port, relayPort, hello }: PassedCaller): Promise<void> {
    const { maxCallers, nowMs, failed } = this.#setup;
    this.#forgetSilent();
    if (this.#callers.size >= maxCallers) return;
    this.#callers.set(relayPort, { address, port, heardMs: nowMs() });
    this.#socket ??= openLoopback((packet, from) => this.#receive(packet, from), failed);
    const socket = await this.#socket.catch((error: unknown) => {
      this.#socket = undefined; // the next caller tries again
      throw error;
    });
    socket.transmit(Buffer.from(hello), LOOPBACK, relayPort);
  }

  #receive(packet: Uint8Array, from: number): void {
    const caller = this.#callers.get(from);
    if (!caller) return;
    caller.heardMs = this.#setup.nowMs();
    this.#setup.listener.receiveForwarded(packet, caller);
  }

  #forgetSilent(): void {
    const nowMs = this.#setup.nowMs();
    for (const [port, { heardMs }] of this.#callers) if (nowMs - heardMs >= SILENT_MS) this.#callers.delete(port);
  }
}

/** A socket that only this computer reaches. @param receive with the port that a datagram came from */
function openLoopback(receive: (packet: Uint8Array, port: number) => void, failed: (error: unknown) => void) {
  return openUdp({ address: LOOPBACK, port: 0 }, undefined, {
    receive: (packet, _, port) => receive(packet, port),
    tick: () => false,
    onError: failed,
  });
}
