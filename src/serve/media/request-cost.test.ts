// Waits for wall time: connections are real, and what a closed one gives back is seen a moment later.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { suite, test } from 'node:test';
import { until } from '../../../test/fixtures/wait.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { WorkBudget } from '../../delivery/work-budget.ts';
import { asAdmin, startTestServer, type TestServer } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';

const MIB = 1024 * 1024;
const CLIP = '/clip/public/1794999600/1h.mp4';

/** A client behind a proxy, so that it is not on this computer. */
const from = (address: string) => ({ 'x-forwarded-for': address });

/** A file that holds `weight` bytes and never ends. */
const endless = (weight: number): Reply => ({
  contentType: 'video/mp4',
  cacheControl: 'no-store',
  length: 1000,
  weight,
  body: [
    {
      length: 1000,
      async *blocks() {
        yield new Uint8Array(10);
        await new Promise(() => {});
      },
    },
  ],
});

/** Opens a download and leaves it open. */
async function open(server: TestServer, address: string) {
  const sent = request(server.url, { path: CLIP, agent: false, headers: from(address) });
  sent.on('error', () => {});
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  const retryAfter = Number(response.headers['retry-after']);
  return { status: response.statusCode, retryAfter, leave: () => response.destroy() };
}

const held = async ({ deps }: TestServer) =>
  Number(/^oxbow_open_answer_bytes (\d+)$/m.exec(await deps.metrics.print())![1]);

/** Answers clips by spending. */
const spending = (spend: (budget: WorkBudget) => unknown) => ({
  answer: async (_: unknown, __: unknown, { budget }: { budget?: WorkBudget | undefined }): Promise<Reply> => {
    const text = new TextEncoder().encode(JSON.stringify((await spend(budget!)) ?? null));
    return { contentType: 'application/json', cacheControl: 'no-store', length: text.length, body: [text] };
  },
});

suite('what one client can cost', () => {
  test('memory that downloads of one file hold together counts once', async () => {
    const evidence = { of: {}, bytes: 15 * MIB };
    let shared = evidence;
    await using server = await startTestServer({ answer: () => ({ ...endless(MIB), shared }) });
    const all: Awaited<ReturnType<typeof open>>[] = [];
    for (let i = 0; i < 20; i++) all.push(await open(server, `192.0.2.${i % 4}`));
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [200], '15 MiB, and 1 MiB for each');
    assert.equal(await held(server), 35 * MIB);
    shared = { of: {}, bytes: 15 * MIB };
    const other = await open(server, '192.0.2.0');
    assert.equal(other.status, 429, 'another file is counted with the first one');
    for (const { leave } of all) leave();
    await until('the memory is given back', async () => (await held(server)) === 0 || undefined);
  });

  test('open downloads of an address hold 32 MiB, and of all 256 MiB', async () => {
    await using server = await startTestServer({ answer: () => endless(15 * MIB) });
    const first = await open(server, '192.0.2.1');
    assert.equal((await open(server, '192.0.2.1')).status, 200);
    const refused = await open(server, '192.0.2.1');
    assert.deepEqual([refused.status, refused.retryAfter], [429, 10]);
    for (let i = 2; i < 17; i++) assert.equal((await open(server, `192.0.2.${i}`)).status, 200);
    const full = await open(server, '192.0.2.50');
    assert.deepEqual([full.status, full.retryAfter], [503, 10]);
    assert.equal(await held(server), 17 * 15 * MIB);
    first.leave();
    await until('the memory is given back', async () => (await held(server)) === 16 * 15 * MIB || undefined);
    assert.equal((await open(server, '192.0.2.50')).status, 200);
    const printed = await server.deps.metrics.print();
    assert.match(printed, /^oxbow_range_refused_total\{reason="address"\} 1$/m);
    assert.match(printed, /^oxbow_range_refused_total\{reason="total"\} 1$/m);
  });

  test('a download that is larger than the limit is sent if it is the only one', async () => {
    await using server = await startTestServer({ answer: () => endless(300 * MIB) });
    const one = await open(server, '192.0.2.1');
    assert.equal(one.status, 200);
    assert.equal((await open(server, '192.0.2.2')).status, 503);
    one.leave();
  });

  test('HEAD and ranges count as GET does, and hold nothing', async () => {
    await using server = await startTestServer({ answer: () => endless(MIB) });
    for (let i = 0; i < 120; i++) {
      const { status } = await sendRequest(server, CLIP, { method: 'HEAD', headers: from('192.0.2.1') });
      assert.equal(status, 200);
    }
    const range = { ...from('192.0.2.1'), range: 'bytes=0-1' };
    assert.equal((await sendRequest(server, CLIP, { headers: range })).status, 429);
    assert.equal(await held(server), 0);
  });

  test('the seconds that cards of live streams play are not counted as clips: an audience behind one address has both', async () => {
    const text = new TextEncoder().encode('a film');
    const reply = { contentType: 'video/mp4', cacheControl: 'no-store', length: text.length, body: [text] };
    await using server = await startTestServer({ answer: () => reply });
    const ask = async (end: string) => {
      const path = `/clip/public/1794999600/${end}`;
      return (await sendRequest(server, path, { headers: from('192.0.2.1') })).status;
    };
    for (let i = 0; i < 200; i++) assert.equal(await ask(i % 2 === 0 ? '1794999610.mp4' : '10s.mp4'), 200);
    for (let i = 0; i < 120; i++) assert.equal(await ask(i % 2 === 0 ? '30s.mp4' : '10s.ts'), 200);
    assert.deepEqual([await ask('16s.mp4'), await ask('10s.mkv'), await ask('soon.mp4')], [429, 429, 429]);
    assert.equal(await ask('10s.mp4'), 200);
  });

  test('segments are counted for each address; what is over the budget is owed', async () => {
    const answers = spending((budget) => {
      budget.begin();
      budget.spend(300_000);
    });
    await using server = await startTestServer(answers);
    const ask = (address: string) => sendRequest(server, CLIP, { headers: from(address) });
    assert.equal((await ask('2001:db8::1')).status, 200);
    const { status, headers, body } = await ask('2001:db8::2');
    assert.deepEqual([status, JSON.parse(String(body)).code], [429, 'too-many-requests']);
    assert.equal(headers['retry-after'], '16', '60,000 segments, and one');
    assert.equal((await ask('2001:db8:1::1')).status, 200, 'another network');
    assert.match(await server.deps.metrics.print(), /^oxbow_planned_segments_total 600000$/m);
  });

  test('known is who is signed in, has a token, or is on this computer; a header proves nothing', async () => {
    await using server = await startTestServer(spending((budget) => budget.isKnown()));
    const known = async (headers: Record<string, string>) =>
      JSON.parse(String((await sendRequest(server, CLIP, { headers })).body));
    assert.equal(await known(from('192.0.2.1')), false);
    assert.equal(await known({ ...from('192.0.2.1'), authorization: 'Bearer wrong' }), false);
    assert.equal(await known({ ...from('192.0.2.1'), cookie: 'oxbow=wrong' }), false);
    assert.equal(await known({ ...from('192.0.2.1'), ...asAdmin }), true);
    assert.equal(await known({}), true);
  });

  test('long windows count by their hours; an hour is free', async () => {
    const text = new TextEncoder().encode('#EXTM3U\n');
    const reply = { contentType: 'text/plain', cacheControl: 'no-store', length: text.length, body: [text] };
    await using server = await startTestServer({ answer: () => reply });
    const ask = async (length: string) =>
      (await sendRequest(server, `/vod/public/1794999600/${length}/av0.m3u8`, { headers: from('192.0.2.1') })).status;
    for (let i = 0; i < 60; i++) assert.equal(await ask(i % 2 === 0 ? '24h' : '90000s'), 200);
    assert.deepEqual([await ask('2h'), await ask('1h'), await ask('soon')], [429, 200, 200]);
  });

  test('the text of a window is counted while it is sent', async () => {
    const text = new Uint8Array(20 * MIB);
    const reply = { contentType: 'text/plain', cacheControl: 'no-store', length: text.length, body: [text] };
    await using server = await startTestServer({ answer: () => reply });
    const path = '/vod/public/1794999600/1h/av0.m3u8';
    const sent = request(server.url, { path, agent: false, headers: from('192.0.2.1') });
    sent.on('error', () => {});
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.on('error', () => {});
    assert.equal(await held(server), 20 * MIB);
    assert.equal((await sendRequest(server, path, { headers: from('192.0.2.1') })).status, 429);
    response.destroy();
    await until('the memory is given back', async () => (await held(server)) === 0 || undefined);
  });
});
