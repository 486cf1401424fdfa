import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { createMetrics } from '../metrics.ts';
import { type ServiceChange, Services } from './services.ts';

const { signal } = new AbortController();
const log = { info() {}, error() {} };

test('a service that stops answering is reported once: metrics, change, health check; and so is its return', async () => {
  using time = openVirtualTime();
  using metrics = createMetrics();
  const services = new Services({ metrics, log });
  const changes: ServiceChange[] = [];
  services.changed.subscribe((change) => changes.push(change));
  assert.equal(services.check(), 'none is used');
  let works = false;
  const call = async () => {
    if (!works) throw new Error('cannot connect to amqp://guest:secret@10.0.0.1');
  };
  let trials = 0;
  using breaker = await services.open({
    service: 'rabbitmq',
    timeoutMs: 60_000,
    failures: 2,
    probe: () => {
      works = ++trials > 2;
      return call();
    },
  });
  assert.equal(services.check(), 'rabbitmq');
  for (let i = 0; i < 2; i++) await assert.rejects(breaker.call(call, { signal }));
  const detail = 'cannot connect to amqp://[redacted]@10.0.0.1';
  assert.throws(() => services.check(), { message: `rabbitmq does not answer: ${detail}` });
  assert.match(await metrics.print(), /oxbow_breaker_state\{service="rabbitmq"\} [12]/);
  await time.until('it works again', () => !services.failing.length);
  assert.equal(time.nowMs, 750 + 1500 + 3000, 'the pauses before three trials');
  assert.deepEqual(changes, [
    { service: 'rabbitmq', isFailing: true, detail },
    { service: 'rabbitmq', isFailing: false, detail: '' },
  ]);
  const text = await metrics.print();
  assert.match(text, /oxbow_breaker_opened_total\{service="rabbitmq"\} 1/);
  assert.match(text, /oxbow_breaker_state\{service="rabbitmq"\} 0/);
  assert.deepEqual(services.failing, []);
});
