import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { EventConnection, type ReceivedEvent } from './event-connection.ts';
import { setWatchToken } from './server.ts';

/** A socket whose events are triggered by the test. */
class PlayedSocket extends EventTarget {
  static readonly opened: PlayedSocket[] = [];
  static readonly #waiting: (() => void)[] = [];
  readonly url: string;

  constructor(url: URL) {
    super();
    this.url = url.href;
    PlayedSocket.opened.push(this);
    for (const wake of PlayedSocket.#waiting.splice(0)) wake();
  }

  static async until(count: number): Promise<PlayedSocket> {
    while (PlayedSocket.opened.length < count) {
      const next = new Promise<void>((resolve) => PlayedSocket.#waiting.push(resolve));
      mock.timers.runAll();
      await Promise.race([next, new Promise(setImmediate)]);
    }
    return PlayedSocket.opened[count - 1]!;
  }

  formatter(event: Partial<ReceivedEvent>): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(event) }));
  }

  close(): void {
    this.dispatchEvent(new Event('close'));
  }
}

beforeEach(() => {
  PlayedSocket.opened.length = 0;
  mock.timers.enable({ apis: ['setTimeout'] });
  Object.assign(globalThis, { location: { href: 'https://tv.example/watch/door' } });
  mock.property(globalThis, 'WebSocket', PlayedSocket as unknown as typeof WebSocket);
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
  Reflect.deleteProperty(globalThis, 'location');
});

test('events arrive over a socket, and a lost connection resumes after the last event', async () => {
  const ends = new AbortController();
  const received: string[] = [];
  const events = new EventConnection('stream=door', ({ type }) => received.push(type), ends);
  const kept = events.keep();
  const first = await PlayedSocket.until(1);
  assert.equal(first.url, 'wss://tv.example/api/v1/events?stream=door');
  assert.equal(events.isOn, false);
  first.formatter({ id: '', type: 'events.ready' });
  first.formatter({ id: 'a-7', type: 'stream.live' });
  assert.equal(events.isOn, true);
  first.close();
  assert.equal(events.isOn, false);
  const second = await PlayedSocket.until(2);
  assert.equal(second.url, 'wss://tv.example/api/v1/events?stream=door&after=a-7');
  second.formatter({ id: 'a-8', type: 'stream.gap' });
  ends.abort();
  second.formatter({ id: 'a-9', type: 'stream.live' });
  await kept;
  assert.deepEqual(received, ['events.ready', 'stream.live', 'stream.gap']);
  assert.equal(PlayedSocket.opened.length, 2);
});

test('without a socket the connection is retried, and nothing is thrown', async () => {
  const ends = new AbortController();
  const kept = new EventConnection('stream=door', () => assert.fail('nothing came'), ends).keep();
  for (let count = 1; count < 6; count++) (await PlayedSocket.until(count)).close();
  ends.abort();
  await kept;
});

test('each connection uses the current playback token of the stream', async () => {
  const ends = new AbortController();
  const kept = new EventConnection('stream=hall', () => {}, { stream: 'hall', signal: ends.signal }).keep();
  setWatchToken('hall', 'later');
  const first = await PlayedSocket.until(1);
  assert.equal(first.url, 'wss://tv.example/api/v1/events?stream=hall', 'there was no token yet');
  first.close();
  assert.equal((await PlayedSocket.until(2)).url, 'wss://tv.example/t/later/api/v1/events?stream=hall');
  ends.abort();
  PlayedSocket.opened[1]!.close();
  await kept;
  setWatchToken('hall', null);
});
