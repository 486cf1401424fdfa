/**
 * Connections to NATS and buses over them, for tests.
 * In: addresses. Out: connections that are open; buses with the clock of this computer.
 */
import assert from 'node:assert/strict';
import type { OxbowEvent } from '../../src/api/events.ts';
import type { EventBus } from '../../src/cluster/bus/event-bus.ts';
import { type NatsBusOptions, openNatsEventBus } from '../../src/cluster/bus/nats-event-bus.ts';
import { type Nats, openNats } from '../../src/cluster/nats/nats.ts';
import type { NatsAddress } from '../../src/cluster/nats/nats-client.ts';
import { Breaker } from '../../src/lib/breaker/breaker.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { until } from '../fixtures/wait.ts';

/** Of a connection that a test stalls, ms. */
export const SOON_MS = 500;

/** A connection that gives up late, as long as NATS is only slow, and tries again soon. */
export async function connectNats(address: Partial<NatsAddress>, timeoutMs = 10_000): Promise<Nats> {
  const breaker = new Breaker({
    service: 'nats',
    timeoutMs,
    failures: 3,
    minPauseMs: 50,
    maxPauseMs: 100,
    onChange() {},
  });
  const nats = openNats({
    url: '',
    servers: [],
    token: undefined,
    credentials: '',
    ...address,
    timeoutMs,
    breaker,
  });
  await until('NATS is connected', () => nats.link !== undefined);
  return nats;
}

/** A subscriber that begins sooner does not receive what others publish at once, ms. */
const READY_MS = 60_000;

/** A bus with the clock of this computer. */
export const openBus = (nats: Nats, prefix: string, options: Partial<NatsBusOptions> = {}) =>
  openNatsEventBus({
    nats,
    prefix,
    clock: createSystemClock(),
    failed: (error) => assert.fail(String(error)),
    readyMs: READY_MS,
    ...options,
  });

export const numberOf = ({ data }: OxbowEvent) => (data as { number: number }).number;
export const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Publishes events with these numbers. */
export function publish(bus: EventBus, ...given: readonly number[]): void {
  for (const number of given) bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
}
