/**
 * A client for WebDriver BiDi: one JSON message per WebSocket frame, responses by number, events in between.
 * In: the address of a session. Out: responses, events. W3C WebDriver BiDi 3 (Protocol).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';

/** Parameters of a command or of an event. */
export type Params = Readonly<Record<string, unknown>>;

/** A connection. */
export interface Bidi {
  /**
   * Sends a command and waits for its response.
   *
   * @throws Error with the browser's message if it refuses or the connection ends
   */
  ask<Result>(method: string, params: Params): Promise<Result>;
  /** Calls `seen` for every event from now on. */
  onEvent(seen: (method: string, params: Params) => void): void;
  /** May be called twice. */
  close(): void;
}

interface Message {
  readonly type: 'success' | 'error' | 'event';
  readonly id: number | null;
  readonly result: unknown;
  readonly error: string;
  readonly message: string;
  readonly method: string;
  readonly params: Params;
}

/** Connects. @param url `ws:` address of the session */
export async function openBidi(url: string): Promise<Bidi> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  const listeners: ((method: string, params: Params) => void)[] = [];
  let next = 1;
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.type === 'event') {
      for (const seen of listeners) seen(message.method, message.params);
      return;
    }
    const pending = waiting.get(message.id!);
    waiting.delete(message.id!);
    if (message.type === 'success') pending?.resolve(message.result);
    else pending?.reject(new Error(`${message.error}: ${message.message}`));
  });
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser ended the connection'));
    waiting.clear();
  });
  await Promise.race([once(socket, 'open'), once(socket, 'error').then(() => assert.fail(`no connection to ${url}`))]);
  return {
    ask<Result>(method: string, params: Params): Promise<Result> {
      const id = next++;
      return new Promise<Result>((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) reject(new Error(`${method}: the connection is closed`));
        waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
        socket.send(JSON.stringify({ id, method, params }));
      });
    },
    onEvent: (seen) => void listeners.push(seen),
    close: () => socket.close(),
  };
}
