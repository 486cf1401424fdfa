import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { SecretBox } from '../../accounts/secret-box.ts';
import type { eventTable } from '../../api/events.ts';
import type { MarkedRules } from '../../api/past/past-rules.ts';
import type { NewPushSubscription, PushSubscriptionView, PushView } from '../../api/push/push-shapes.ts';
import type { StreamView } from '../../api/shapes.ts';
import { shareTestServer, signedInAs } from '../../http/fixture.ts';
import { routesWith } from '../../http/routes/table.ts';
import { createManualClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { push } from './feature.ts';
import { LiveNotices, QUIET_MS } from './live-notices.ts';
import { claimsOf, PushBrowser, type ReceivedPush } from './push-browser.fixture.ts';
import { PushNotices, type PushNoticesOptions } from './push-notices.ts';
import { MAX_OF_ONE, type Outgoing, PushSender, type PushSenderOptions } from './push-sender.ts';
import { PushService } from './push-service.ts';
import { pushTablesContract } from './push-tables.contract.ts';
import { ServerKey } from './server-key.ts';
import { MAX_OF_PERSON, type StoredSubscription, SubscriptionTable } from './subscription-table.ts';

pushTablesContract('SQLite', openTemporaryStore);

const ENDPOINT = 'https://push.example/send/';

suite('messages to browsers', async () => {
  const store = await openTemporaryStore();
  after(() => store[Symbol.asyncDispose]());
  const clock = createManualClock();
  const box = new SecretBox(Buffer.from('a secret of this test server'), 'push');
  const table = new SubscriptionTable(store.db, box, clock);
  const key = new ServerKey(store.db, box, clock);
  const metrics = createMetrics();
  const ends = new AbortController();
  after(() => ends.abort());

  /** Answers by the path of the address; 201 by default. */
  const answers = new Map<string, () => { status: number; headers?: Record<string, string> }>();
  const received: (ReceivedPush & { readonly url: string })[] = [];
  const net: PushSenderOptions['net'] = {
    async fetch(url, { headers = {}, post }) {
      received.push({ url: String(url), headers, body: post! });
      const { status, headers: more = {} } = answers.get(String(url))?.() ?? { status: 201 };
      return { status, headers: more, [Symbol.dispose]: () => {} } as Awaited<ReturnType<typeof net.fetch>>;
    },
  };
  const sender = new PushSender({
    net,
    table,
    keys: () => key.get(),
    contact: () => 'mailto:operator@example.com',
    metrics,
    clock,
    signal: ends.signal,
    failed: (error) => assert.fail(String(error)),
    pausesMs: [1, 1],
  });
  let isOn = true;
  const service = new PushService({
    table,
    key,
    sender,
    isOn: () => isOn,
    idOf: (name) => `id-${name}`,
    clock,
  });
  const server = shareTestServer(() => ({ features: new Map([['push', service]]) }), { routes: routesWith([push]) });

  const send = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    fetch(`${server().url}/api/v1/${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'user-agent': 'Firefox', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const subscribe = async (headers: Record<string, string>, body: NewPushSubscription) => {
    const answer = await send('POST', 'push/subscriptions', headers, body);
    assert.equal(answer.status, 201, await answer.clone().text());
    return (await answer.json()) as PushSubscriptionView;
  };
  const listOf = async (headers: Record<string, string>) =>
    ((await (await send('GET', 'push/subscriptions', headers)).json()) as { items: PushSubscriptionView[] }).items;
  const drained = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => (sender.waiting === 0 ? resolve() : setImmediate(look));
    look();
    await promise;
  };
  let made = 0;
  const newBrowser = () => new PushBrowser(`${ENDPOINT}${++made}`);
  const noticesOf = (more: Partial<PushNoticesOptions> = {}) =>
    new PushNotices({
      table,
      sender,
      access: server().deps.access,
      streams: server().deps.streams,
      idOf: (name) => `id-${name}`,
      isOn: () => isOn,
      clock,
      signal: ends.signal,
      lost: (_, error) => assert.fail(String(error)),
      ...more,
    });
  const eventOf = (type: keyof typeof eventTable, stream: string, data: object) =>
    ({ event: { id: '1', type, at: '2026-11-19T08:00:00.000Z', stream, data } }) as Parameters<PushNotices['event']>[0];
  const live = (stream: string) => eventOf('stream.live', stream, { run: 1, from: '2026-11-19T08:00:00.000Z' });

  test('a browser reads a message that is encrypted for it and signed by the server', async () => {
    const { headers } = await signedInAs(server(), 'user', 'Ada');
    const view = (await (await send('GET', 'push', headers)).json()) as PushView;
    assert.deepEqual([view.enabled, view.kinds, view.follows], [true, ['live', 'clips'], []]);
    const browser = newBrowser();
    const subscription = await subscribe(headers, browser.subscription());
    assert.deepEqual(subscription.kinds, ['live', 'clips'], 'alarms are for administrators');
    assert.equal((await send('POST', `push/subscriptions/${subscription.id}/test`, headers)).status, 202);
    await drained();
    const message = received.at(-1)!;
    assert.equal(message.url, browser.endpoint);
    assert.equal(browser.read(message).kind, 'test');
    assert.throws(() => newBrowser().read(message), 'another browser cannot read it');
    const claims = claimsOf(message, view.publicKey!);
    assert.deepEqual([claims.aud, claims.sub], ['https://push.example', 'mailto:operator@example.com']);
    assert.deepEqual([message.headers.ttl, message.headers.urgency, message.headers.topic], ['60', 'high', 'test']);
  });

  test('neither the database nor the API shows where a browser gets messages', async () => {
    const { headers } = await signedInAs(server(), 'user', 'Secret');
    const browser = newBrowser();
    await subscribe(headers, browser.subscription());
    const rows = JSON.stringify(await store.db.selectFrom('push_subscription').selectAll().execute());
    const keys = JSON.stringify(await store.db.selectFrom('push_key').selectAll().execute());
    const { privateKey } = await key.get();
    assert.ok(!rows.includes('push.example') && !rows.includes(browser.subscription().keys.auth));
    assert.ok(!keys.includes(privateKey));
    assert.ok(!JSON.stringify(await listOf(headers)).includes('push.example'));
    const other = new ServerKey(store.db, new SecretBox(Buffer.from('another secret, of 16 bytes'), 'push'), clock);
    assert.equal(await other.read(), undefined, 'another server cannot use the key');
  });

  test('only a person in a browser subscribes, to a public https address with a valid key', async () => {
    const { headers } = await signedInAs(server(), 'user', 'Strict');
    const body = newBrowser().subscription();
    assert.equal((await send('POST', 'push/subscriptions', {}, body)).status, 401);
    assert.equal((await send('GET', 'push', {})).status, 401);
    const guest = await signedInAs(server(), 'guest', 'Guest');
    assert.equal((await send('POST', 'push/subscriptions', guest.headers, body)).status, 403);
    const { secret } = await server().deps.access.sessions.make({ address: '', program: '', isTelevision: true });
    const television = { cookie: `oxbow-${new URL(server().url).port}=${secret}`, 'sec-fetch-site': 'same-origin' };
    assert.equal((await send('PUT', 'streams/public/follow', television)).status, 403, 'a television changes nothing');
    for (const endpoint of ['http://push.example/1', 'https://a:b@push.example/1', 'https://', 'javascript:1']) {
      assert.equal((await send('POST', 'push/subscriptions', headers, { ...body, endpoint })).status, 400, endpoint);
    }
    const noPoint = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url');
    const keys = { ...body.keys, p256dh: noPoint };
    assert.equal((await send('POST', 'push/subscriptions', headers, { ...body, keys })).status, 400);
    const token = await server().deps.access.tokens.make({ label: 'x', scopes: ['admin'], expiresMs: undefined });
    const bearer = { authorization: `Bearer ${token.secret}` };
    assert.equal((await send('POST', 'push/subscriptions', bearer, body)).status, 403, 'a token has no browser');
    isOn = false;
    assert.equal((await send('POST', 'push/subscriptions', headers, body)).status, 409);
    assert.equal(((await (await send('GET', 'push', headers)).json()) as PushView).publicKey, null);
    isOn = true;
  });

  test('a browser is one subscription, of the person who subscribed last; a person has a bounded number', async () => {
    const first = await signedInAs(server(), 'user', 'First');
    const second = await signedInAs(server(), 'user', 'Second');
    const browser = newBrowser();
    const { id } = await subscribe(first.headers, browser.subscription());
    assert.equal((await subscribe(first.headers, browser.subscription({ kinds: ['clips'] }))).id, id);
    await subscribe(second.headers, browser.subscription());
    assert.equal((await listOf(first.headers)).length, 0);
    assert.equal((await send('DELETE', `push/subscriptions/${id}`, first.headers)).status, 404, 'it is of another');
    for (let n = 0; n < MAX_OF_PERSON + 2; n++) await table.put(subscriptionOf(first.user.id, newBrowser()));
    assert.equal((await listOf(first.headers)).length, MAX_OF_PERSON);
    assert.equal((await send('DELETE', `push/subscriptions/${id}`, second.headers)).status, 204);
    assert.equal((await listOf(second.headers)).length, 0);
  });

  test('a message goes to those who may see the stream at that moment, and follow it or want all', async () => {
    const { access } = server().deps;
    const admin = await signedInAs(server(), 'admin', 'Boss');
    const user = await signedInAs(server(), 'user', 'Viewer');
    const [adminBrowser, userBrowser] = [newBrowser(), newBrowser()];
    await table.forget(user.user.id);
    await subscribe(admin.headers, adminBrowser.subscription());
    await subscribe(user.headers, userBrowser.subscription({ streams: 'followed' }));
    const notices = noticesOf();
    const got = async (...events: Parameters<PushNotices['event']>[0][]) => {
      received.length = 0;
      for (const event of events) notices.event(event);
      await notices.flush();
      await drained();
      const names = new Map([
        [adminBrowser.endpoint, 'admin'],
        [userBrowser.endpoint, 'user'],
      ]);
      return received.flatMap(({ url }) => names.get(url) ?? []).sort();
    };
    await clock.advance(QUIET_MS); // the program has run for a while
    assert.deepEqual(await got(live('public')), ['admin'], 'the user follows nothing');
    for (const name of ['public', 'unlisted']) {
      assert.equal((await send('PUT', `streams/${name}/follow`, user.headers)).status, 204);
    }
    assert.equal((await send('PUT', 'streams/private/follow', user.headers)).status, 404, 'as if there were none');
    await table.follow(user.user.id, 'id-private'); // it was public at that time
    assert.deepEqual(await got(live('private')), ['admin']);
    const leave = () => send('DELETE', 'streams/private/follow', user.headers);
    assert.deepEqual([(await leave()).status, (await leave()).status], [204, 404], 'it can be left, once');
    assert.deepEqual(await got(live('unlisted')), ['admin', 'user']);
    assert.deepEqual(await got(live('unlisted')), [], 'it was live already');
    const alarm = { id: 'a', alarm: 'black', severity: 'critical', from: '2026-11-19T08:00:00.000Z' };
    assert.deepEqual(await got(eventOf('alarm.raised', 'public', alarm)), ['admin']);
    const clip = { id: 'c', title: 'Goal', visibility: 'public', owner: `user:${user.user.id}` };
    assert.deepEqual(await got(eventOf('clip.created', 'public', clip)), ['admin'], 'not to its maker');
    const ofOther = { ...clip, owner: 'admin' };
    assert.deepEqual(await got(eventOf('clip.created', 'public', ofOther)), ['admin', 'user']);
    assert.deepEqual(await got(eventOf('clip.created', 'public', { ...ofOther, visibility: 'private' })), ['admin']);
    await access.users.change(admin.user.id, { role: 'user' });
    assert.deepEqual(await got(eventOf('alarm.raised', 'public', alarm)), [], 'not an administrator any more');
    await access.sessions.removeOf(user.user.id);
    assert.deepEqual(await got(eventOf('clip.created', 'public', ofOther)), ['admin'], 'the session has ended');
  });

  test('of a stream whose past is limited viewers hear when they see it, and nothing of its clips', async () => {
    const { user, headers } = await signedInAs(server(), 'user', 'Late');
    const browser = newBrowser();
    await table.forget(user.id);
    await subscribe(headers, browser.subscription());
    const { streams } = server().deps;
    let rules: MarkedRules = { start: 'mark' };
    let state: StreamView['state'] = 'live';
    const notices = noticesOf({
      streams: {
        get: async (name) => Object.assign({ ...(await streams.get(name))! }, { state }),
        visibilityOf: (name) => streams.visibilityOf(name),
        pastRulesOf: () => rules,
      },
    });
    const got = async (event: Parameters<PushNotices['event']>[0]) => {
      received.length = 0;
      notices.event(event);
      await notices.flush();
      await drained();
      return received.flatMap((push) => (push.url === browser.endpoint ? browser.read(push).kind : []));
    };
    const changed = eventOf('stream.changed', 'public', {});
    await clock.advance(QUIET_MS);
    assert.deepEqual(await got(live('public')), [], 'viewers see nothing before the start mark');
    const clip = { id: 'c', title: 'Rehearsal', visibility: 'public', owner: 'admin' };
    assert.deepEqual(await got(eventOf('clip.created', 'public', clip)), []);
    assert.deepEqual(await got(changed), [], 'another setting');
    rules = { start: 'mark', markMs: clock.nowMs() };
    assert.deepEqual(await got(changed), ['live']);
    assert.deepEqual(await got(changed), [], 'once');
    rules = { start: 'mark' };
    await got(eventOf('stream.offline', 'public', {}));
    await clock.advance(QUIET_MS);
    assert.deepEqual(await got(live('public')), []);
    [rules, state] = [{}, 'offline'];
    assert.deepEqual(await got(changed), [], 'it is over');
    assert.deepEqual(await got(eventOf('clip.created', 'public', clip)), ['clips']);
  });

  test('what waits is not sent to a browser that ended it or lost the right, and is no failure of the browser', async () => {
    const { user, headers } = await signedInAs(server(), 'user', 'Leaver');
    const browser = newBrowser();
    const { id } = await subscribe(headers, browser.subscription());
    const to = (await table.find(id, user.id))!;
    const message = {
      kind: 'live',
      stream: 'x',
      title: '',
      alarm: '',
      url: '/',
      tag: 't',
      atMs: clock.nowMs(),
    } as const;
    const handling = { ttlS: 60, urgency: 'normal', topic: 't' } as const;
    let mayGet = true;
    const attempts = async (more: Partial<Outgoing> = {}) => {
      received.length = 0;
      sender.add(Object.assign({ to, message, handling, mayGet: () => mayGet }, more));
      await drained();
      return received.length;
    };
    answers.set(browser.endpoint, () => {
      mayGet = false; // between two attempts
      return { status: 503 };
    });
    assert.equal(await attempts(), 1);
    mayGet = true;
    assert.equal(await attempts({ message: { ...message, atMs: clock.nowMs() - 61_000 } }), 0, 'too old');
    assert.equal((await table.find(id, user.id))!.failingMs, undefined);
    answers.set(browser.endpoint, () => ({ status: 201 }));
    assert.equal((await send('DELETE', `push/subscriptions/${id}`, headers)).status, 204);
    assert.equal(await attempts(), 0);
  });

  test('a browser that has gone is removed; one that fails is tried again, and removed after a week', async () => {
    const people = await Promise.all(['Gone', 'Failing', 'Later'].map((name) => signedInAs(server(), 'user', name)));
    const browsers = people.map(() => newBrowser());
    for (const [i, { headers }] of people.entries()) await subscribe(headers, browsers[i]!.subscription());
    answers.set(browsers[0]!.endpoint, () => ({ status: 410 }));
    answers.set(browsers[1]!.endpoint, () => ({ status: 503 }));
    const statuses = [429, 201];
    answers.set(browsers[2]!.endpoint, () => ({ status: statuses.shift() ?? 201, headers: { 'retry-after': '0' } }));
    /** Attempts for each. */
    const testAll = async () => {
      received.length = 0;
      for (const { headers } of people) {
        for (const { id } of await listOf(headers)) await send('POST', `push/subscriptions/${id}/test`, headers);
      }
      await drained();
      return browsers.map(({ endpoint }) => received.filter(({ url }) => url === endpoint).length);
    };
    assert.deepEqual(await testAll(), [1, 3, 2]);
    const lists = await Promise.all(people.map(({ headers }) => listOf(headers)));
    assert.deepEqual(
      lists.map((list) => list.map(({ failing }) => failing)),
      [[], [true], [false]],
    );
    assert.deepEqual(await testAll(), [0, 1, 1], 'one that failed before has one attempt');
    const failing = people[1]!.user.id;
    await clock.advance(7 * 24 * 3_600_000);
    for (const to of await table.of(failing)) await table.failed(to);
    assert.equal((await table.of(failing)).length, 0);
  });

  test('what waits is bounded for each person, and a slow push service keeps no one else waiting', async () => {
    const [slow, quick] = [newBrowser(), newBrowser()];
    const stuck = Promise.withResolvers<void>();
    const sent: string[] = [];
    const own = new PushSender({
      net: {
        async fetch(url, { signal }) {
          if (String(url) === slow.endpoint) {
            const { promise, reject } = Promise.withResolvers<never>();
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            stuck.resolve();
            return await promise;
          }
          sent.push(String(url));
          throw new OxbowError('address-refused', 'It is private.');
        },
      },
      table,
      keys: () => key.get(),
      contact: () => 'mailto:operator@example.com',
      metrics: createMetrics(),
      clock,
      signal: AbortSignal.any([ends.signal]),
      failed: (error) => assert.fail(String(error)),
    });
    const [toSlow, toQuick] = [
      await table.put(subscriptionOf('one', slow)),
      await table.put(subscriptionOf('two', quick)),
    ];
    const add = (to: StoredSubscription) =>
      own.add({
        to,
        message: { kind: 'test', stream: '', title: '', alarm: '', url: '/me', tag: 't', atMs: clock.nowMs() },
        handling: { ttlS: 60, urgency: 'normal', topic: 't' },
      });
    for (let n = 0; n < MAX_OF_ONE + 5; n++) add(toSlow);
    await stuck.promise;
    assert.equal(own.waiting, MAX_OF_ONE);
    add(toQuick);
    while (own.waiting > MAX_OF_ONE) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(sent, [quick.endpoint], 'an address that net refuses is not tried again');
    assert.notEqual((await table.of('two'))[0]!.failingMs, undefined);
  });

  test('a new key ends all subscriptions', async () => {
    const before = await key.get();
    const { headers } = await signedInAs(server(), 'admin', 'Rotator');
    assert.equal((await send('POST', 'push/rotate', (await signedInAs(server(), 'user', 'No')).headers)).status, 403);
    assert.equal((await send('POST', 'push/rotate', headers)).status, 204);
    assert.deepEqual(await store.db.selectFrom('push_subscription').select('id').execute(), []);
    assert.notEqual((await key.get()).publicKey, before.publicKey);
  });

  function subscriptionOf(userId: string, browser: PushBrowser) {
    const { endpoint, keys } = browser.subscription();
    const target = { endpoint, ...keys };
    return { sessionId: endpoint, userId, target, kinds: ['live'] as const, allStreams: true, origin: '', program: '' };
  }
});

test('a stream is live again only after ten minutes, and not because the program started again', () => {
  let nowMs = 0;
  const notices = new LiveNotices(() => nowMs);
  const live = (stream: string, recordedAgoMs?: number, isNew = false) =>
    notices.live(stream, { recordedAgoMs, isNew });
  assert.equal(live('kept'), false, 'the program has just started');
  assert.equal(live('created', undefined, true), true, 'it was created after that');
  nowMs = QUIET_MS;
  assert.equal(live('new'), true);
  assert.equal(live('recorded', QUIET_MS - 1), false, 'it was recorded a moment ago');
  assert.equal(live('long-ago', QUIET_MS), true);
  notices.away('new');
  nowMs += QUIET_MS - 1;
  assert.equal(live('new'), false);
  notices.away('new');
  nowMs += QUIET_MS;
  assert.equal(live('new'), true);
  notices.forget('new');
  assert.equal(live('new'), true, 'another stream with this name');
  notices.liveElsewhere('taken-over');
  nowMs += 2 * QUIET_MS;
  assert.equal(live('taken-over'), false, 'another node has reported it');
  notices.liveElsewhere('long-after-a-crash');
  nowMs += 2 * QUIET_MS;
  assert.equal(live('long-after-a-crash', QUIET_MS), true, 'its node ended without a word, and it was away for long');
  assert.equal(live('new-and-taken-over', 5000, true), false, 'it was live before, at another node');
});
