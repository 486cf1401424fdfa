/**
 * Removes node's own listener from a server, so that oxbow decides which connections it gets.
 * In: a server without other listeners. Out: the listener, as a function.
 */
import assert from 'node:assert/strict';
import type { Server } from 'node:net';

/** Removes and returns the one listener that node has set for an event. */
export function takeListener<T>(server: Server, event: string): (argument: T) => void {
  const [listener, ...more] = server.listeners(event);
  assert.ok(listener && more.length === 0, `Node has set one listener of ${event}`);
  server.removeAllListeners(event);
  return (argument) => void Reflect.apply(listener, server, [argument]);
}
