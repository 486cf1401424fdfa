/**
 * Takes Node's own listener off a server, so that ours decides which connections it gets.
 * In: a server that nobody else listens to yet. Out: the listener, as a function.
 */
import assert from 'node:assert/strict';
import type { Server } from 'node:net';

/** The one listener that Node itself has set for an event, taken out. */
export function takeListener<T>(server: Server, event: string): (given: T) => void {
  const [listener, ...more] = server.listeners(event);
  assert.ok(listener && more.length === 0, `Node has set one listener of ${event}`);
  server.removeAllListeners(event);
  return (given) => void Reflect.apply(listener, server, [given]);
}
