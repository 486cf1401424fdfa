import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRig } from '../../src/accounts/mail/smtp.fixture.ts';
import type { OxbowEvent } from '../../src/api/events.ts';
import type { WeeklyReport } from '../../src/api/reports/report-events.ts';
import { storeViewing } from '../fixtures/observe/made-viewing.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'a-token-of-the-test-0123456789';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const SESSIONS = 12;

/** Receives the events of a webhook. */
async function openReceiver() {
  const events: OxbowEvent[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    events.push(JSON.parse(Buffer.concat(pieces).toString()) as OxbowEvent);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    events,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

test('the report of the week is sent by e-mail and to webhooks, once over restarts', async () => {
  await using folder = await openFolder('weekly-report');
  await using mail = await openRig();
  await using receiver = await openReceiver();
  const data = join(folder.path, 'data');
  // It was due six hours ago, whatever the time of the day is.
  const due = new Date(Date.now() - 6 * HOUR_MS);
  const midnightMs = Math.floor(due.getTime() / DAY_MS) * DAY_MS;
  const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const reach = ['--net-allow', '127.0.0.0/8'];
  {
    await using server = await startServer({ data, adminToken, args: reach });
    const webhook = JSON.stringify({ url: receiver.url, types: ['report.weekly'] });
    assert.equal((await server.fetch('/api/v1/webhooks', { ...post, body: webhook })).status, 201);
    const stream = JSON.stringify({ name: 'door', source: { type: 'push' } });
    assert.equal((await server.fetch('/api/v1/streams', { ...post, body: stream })).status, 201);
  }
  const goalS = Math.floor((midnightMs - DAY_MS) / 60_000) * 60 + 7200;
  await storeViewing(data, 'door', (id) =>
    Array.from({ length: SESSIONS }, (_, viewer) => ({
      content: { kind: 'stream', id },
      session: `viewer-${viewer}`,
      atMs: midnightMs - 2 * HOUR_MS,
      begins: true,
      startupMs: 800,
      watched: [goalS, goalS + 30],
    })),
  );
  const args = [
    ...reach,
    ...['--mail-smtp', `smtp://127.0.0.1:${mail.port}`, '--mail-from', 'oxbow <noreply@tv.example>'],
    ...['--public-url', 'https://tv.example', '--reports-mail', 'ann@tv.example, ben@tv.example'],
    ...['--reports-weekly', days[due.getUTCDay()]!, '--reports-hour', String(due.getUTCHours())],
  ];
  let sent: WeeklyReport;
  {
    await using server = await startServer({ data, adminToken, args });
    await until('both e-mails', () => mail.received.length === 2);
    sent = (await until('the event', () => receiver.events[0])).data as WeeklyReport;
    assert.deepEqual(server.log('error'), []);
  }
  assert.deepEqual([sent.to, sent.sessions], [new Date(midnightMs).toISOString(), SESSIONS]);
  assert.deepEqual(
    sent.streams.map(({ stream, sessions }) => [stream, sessions]),
    [['door', SESSIONS]],
  );
  assert.equal(sent.rewound[0]?.at, new Date(goalS * 1000).toISOString());
  assert.deepEqual(mail.received.flatMap(({ to }) => to).sort(), ['ann@tv.example', 'ben@tv.example']);
  const { text } = mail.received[0]!;
  assert.match(text, /Sessions: 12\. Hours watched: 0\.2\./);
  assert.ok(text.includes(`https://tv.example/watch/door?t=${goalS}`), text);
  {
    // Reports are looked for at once; that none is sent for days is shown on virtual time, next to the code.
    await using server = await startServer({ data, adminToken, args });
    await server.json('/api/v1/insight/now');
  }
  assert.deepEqual([mail.received.length, receiver.events.length], [2, 1]);
});
