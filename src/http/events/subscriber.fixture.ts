/**
 * A subscriber to events by SSE or WebSocket, for the tests of this folder.
 * In: the address of events. Out: the received events, and how the connection ended.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly stream: string | null;
  readonly data: Record<string, unknown>;
}

export interface TestSubscriber {
  /** Resolves with the next event. */
  next(): Promise<ReceivedEvent>;
  /** Resolves when the server has ended the connection, with close code and reason of a WebSocket. */
  ended(): Promise<string>;
  close(): void;
}

/** Subscribes by server-sent events. */
export async function subscribeBySse(url: string, headers: Record<string, string> = {}): Promise<TestSubscriber> {
  const controller = new AbortController();
  const response = await fetch(url, { headers, signal: controller.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    async next() {
      for (;;) {
        const [block, ...rest] = text.split('\n\n');
        if (rest.length === 0) {
          const { done, value } = await reader.read();
          assert.ok(!done, 'the events have ended');
          text += value;
          continue;
        }
        text = rest.join('\n\n');
        const data = /^data: (.*)$/m.exec(block!)?.[1];
        if (data === undefined) continue;
        const event = JSON.parse(data) as ReceivedEvent;
        assert.equal(/^event: (.*)$/m.exec(block!)?.[1], event.type);
        assert.equal(/^id: (.*)$/m.exec(block!)?.[1] ?? '', event.id);
        return event;
      }
    },
    async ended() {
      while (!(await reader.read()).done);
      return '';
    },
    close: () => controller.abort(),
  };
}

/** Subscribes by WebSocket. */
export async function subscribeByWebSocket(
  url: string,
  headers: Record<string, string> = {},
): Promise<TestSubscriber & { socket: WebSocket }> {
  const options: ClientOptions = { headers, perMessageDeflate: true };
  const socket = new WebSocket(url.replace('http', 'ws'), options);
  const received: ReceivedEvent[] = [];
  let wake = () => {};
  socket.on('message', (data) => {
    received.push(JSON.parse(String(data)) as ReceivedEvent);
    wake();
  });
  const closed = once(socket, 'close') as Promise<[code: number, reason: Buffer]>;
  await once(socket, 'open');
  assert.equal(socket.extensions, '', 'nothing is compressed');
  return {
    socket,
    async next() {
      while (received.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return received.shift()!;
    },
    async ended() {
      const [code, reason] = await closed;
      return `${code} ${reason}`;
    },
    close: () => socket.terminate(),
  };
}
