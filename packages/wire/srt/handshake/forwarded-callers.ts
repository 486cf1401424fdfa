/**
 * Callers whose datagrams go to another process of this computer, which answers them from the same port.
 * In: datagrams with their source. Out: whether they were passed on. It knows no socket and no timer.
 */
import type { SrtForwarding } from '../srt.ts';

/** A caller that sends nothing for this time is forgotten, µs: twice what ends a connection. */
const SILENT_US = 10_000_000;

interface ForwardedCaller {
  readonly forwarding: SrtForwarding;
  heardUs: number;
}

/** The callers of one port that are passed on. */
export class ForwardedCallers {
  readonly #callers = new Map<string, ForwardedCaller>();

  /** How many there are. */
  get size(): number {
    return this.#callers.size;
  }

  /** Passes on what this caller sends from now on. */
  add(address: string, port: number, forwarding: SrtForwarding, nowUs: number): void {
    const key = keyOf(address, port);
    this.#callers.get(key)?.forwarding.close();
    this.#callers.set(key, { forwarding, heardUs: nowUs });
  }

  /** Passes on a datagram. @returns false if its caller is none of these */
  send(packet: Uint8Array, address: string, port: number, nowUs: number): boolean {
    const caller = this.#callers.get(keyOf(address, port));
    if (!caller) return false;
    caller.heardUs = nowUs;
    caller.forwarding.send(packet);
    return true;
  }

  /** Forgets those that are silent. */
  tick(nowUs: number): void {
    for (const [key, { forwarding, heardUs }] of this.#callers) {
      if (nowUs - heardUs < SILENT_US) continue;
      this.#callers.delete(key);
      forwarding.close();
    }
  }

  /** Forgets all. */
  close(): void {
    for (const { forwarding } of this.#callers.values()) forwarding.close();
    this.#callers.clear();
  }
}

const keyOf = (address: string, port: number): string => `${address} ${port}`;
