import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import { type Access, openAccess } from '../../accounts/access.ts';
import { memoryTables } from '../../accounts/memory-tables.fixture.ts';
import { RateLimits } from '../../accounts/rate-limit.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { type PublishAccess, StreamElsewhere } from '../../ingest/publish-access.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openStreams, type StreamsRig, temporaryFolder } from '../streams.fixture.ts';
import { createPublishAccess, type PublishAccessDeps } from './publish-access.ts';
import { createPublishKeysApi } from './publish-keys-api.ts';

const push = { source: { type: 'push' } } as const;
const HOME = '192.0.2.1:5000';

interface AccessRig extends AsyncDisposable {
  readonly rig: StreamsRig;
  readonly access: Access;
  readonly entry: PublishAccess;
  readonly keys: ReturnType<typeof createPublishKeysApi>;
  /** Publishes and returns the session. */
  publish(name: string | undefined, key: string | undefined, remote?: string): ReturnType<PublishAccess['publish']>;
  /** Code and detail of a refused publisher. */
  refusal(name: string | undefined, key: string | undefined, remote?: string): Promise<readonly [string, string]>;
  /** Events of refused publishers: stream and data. */
  refused(): Promise<(readonly [string | null, Record<string, unknown>])[]>;
  key(stream: string, more?: { allow?: string[]; expiresMs?: number }): Promise<string>;
}

async function openRig(
  publish: Record<string, unknown> = {},
  auth: PublishAccessDeps['auth'] = undefined,
  streams: Config['streams'] = {},
): Promise<AccessRig> {
  const folder = await temporaryFolder();
  const rig = await openStreams({ folder: folder.path });
  const { deps, clock, control, catalog } = rig;
  const settings = { now: { ...deps.settings.now, streams, publish: { ...deps.settings.now.publish, ...publish } } };
  const access = await openAccess({ tables: memoryTables(), dataFolder: folder.path, clock, adminToken: undefined });
  const limits = new RateLimits(() => clock.monotonicMs());
  const entry = createPublishAccess({ ...deps, settings, control, catalog, access, limits, auth });
  const keys = createPublishKeysApi(access.publishKeys, catalog, settings);
  const request = (name: string | undefined, key: string | undefined, remote = HOME) =>
    entry.publish({ name, key, remote, protocol: 'rtmp', signal: new AbortController().signal });
  return {
    rig,
    access,
    entry,
    keys,
    publish: request,
    async refusal(...given) {
      const error = await request(...given).then(
        () => assert.fail('the publisher was accepted'),
        (refused: unknown) => refused,
      );
      assert.ok(error instanceof OxbowError, String(error));
      return [error.code, error.message];
    },
    async refused() {
      await rig.settle();
      return rig.events
        .filter(({ type }) => type === 'publish.refused')
        .map(({ stream, data }) => [stream, data as Record<string, unknown>] as const);
    },
    async key(stream, { allow = [], expiresMs } = {}) {
      return (await keys.create(stream, { label: '', allow, expiresMs })).secret;
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

suite('access of publishers', () => {
  test('a key publishes to its stream: with the name, alone, or in the place of the name', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    const key = await open.key('door');
    for (const [name, secret] of [
      ['door', key],
      [undefined, key],
      [key, undefined],
    ] as const) {
      const publisher = await open.publish(name, secret);
      assert.equal(publisher.turn.role, 'active');
      publisher.close('done');
    }
    assert.notEqual(open.keys.list('door')[0]!.usedAt, null);
  });

  test('a key in the place of a name is in no answer, event, metric or log line', async () => {
    const secret = 'f00dfeedf00dfeedf00dfeedf00dfeed';
    await using open = await openRig();
    await open.rig.api.create('attic', push);
    const key = await open.key('attic');
    const answers = [];
    for (const [name, given] of [
      [secret, undefined],
      [secret, 'door'],
      [secret, key],
      [secret.toUpperCase(), 'door'],
      [key, 'attic'],
      [`live/${secret}`, 'door'],
    ] as const) {
      answers.push(await open.refusal(name, given, `192.0.2.${answers.length}:1`));
    }
    const viewer = { protocol: 'rtmp', remote: HOME, signal: new AbortController().signal } as const;
    const read = open.entry.read({ ...viewer, name: secret, token: undefined });
    await assert.rejects(read, { message: 'There is no stream named (unknown).' });
    const said = JSON.stringify([answers, await open.refused(), open.rig.logged, await open.rig.deps.metrics.print()]);
    for (const hidden of [secret, secret.toUpperCase(), key]) assert.ok(!said.includes(hidden), said);
    assert.equal((await open.refused()).length, 6);
  });

  test('every other publisher is refused, and no stream is revealed', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    await open.rig.api.create('gate', push);
    const { clock } = open.rig;
    const ofGate = await open.key('gate');
    const expired = await open.key('door', { expiresMs: clock.nowMs() + 1 });
    const elsewhere = await open.key('door', { allow: ['10.0.0.0/8'] });
    clock.advance(1);
    assert.deepEqual(
      [
        await open.refusal('door', undefined),
        await open.refusal('door', 'ok_wrongwrongwrongwrongwrong'),
        await open.refusal('door', ofGate),
        await open.refusal('attic', ofGate),
        await open.refusal('door', expired),
        await open.refusal('door', elsewhere),
        await open.refusal(undefined, undefined),
        await open.refusal('Front Door', ofGate),
      ],
      [
        ['publish-denied', 'The stream key is missing.'],
        ['publish-denied', 'The stream key is unknown: it is mistyped or was revoked.'],
        ['publish-denied', 'The stream key is not for the stream door.'],
        ['publish-denied', 'The stream key is not for the stream attic.'],
        ['publish-denied', 'The stream key has expired.'],
        ['publish-denied', 'This stream key may not be used from 192.0.2.1.'],
        ['publish-denied', 'The stream key is missing.'],
        [
          'bad-name',
          'Invalid stream name "Front Door". Use 1 to 64 of a-z, 0-9, "-" and "_", first a letter or digit.',
        ],
      ],
    );
    const inside = await open.publish('door', elsewhere, '10.1.2.3:4000');
    assert.equal(inside.turn.role, 'active');
  });

  test('the event of a refusal says what to change, with the stream where there is one, and no key', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    const wrong = 'ok_wrongwrongwrongwrongwrong';
    await open.refusal('door', wrong);
    await open.refusal('attic', wrong, '192.0.2.2:1');
    await open.refusal(`door?key=${wrong}`, undefined, '192.0.2.3:1');
    const events = await open.refused();
    assert.deepEqual(
      events.map(([stream, { code, remote, requested }]) => [stream, code, remote, requested]),
      [
        ['door', 'publish-denied', HOME, undefined],
        [null, 'publish-denied', '192.0.2.2:1', 'attic'],
        [null, 'bad-name', '192.0.2.3:1', undefined],
      ],
    );
    assert.match(String(events[0]![1].hint), /oxbow stream key NAME/);
    const logged = JSON.stringify(open.rig.logged);
    assert.ok(!JSON.stringify(events).includes('wrongwrong') && !logged.includes('wrongwrong'));
    const metrics = await open.rig.deps.metrics.print();
    assert.match(metrics, /oxbow_publish_claims_total\{stream="",protocol="rtmp",result="refused"\} 2/);
  });

  test('an address has ten wrong keys a minute; the same wrong key and a key that was valid there cost nothing', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    const [known, other] = [await open.key('door'), await open.key('door')];
    (await open.publish('door', known)).close('done');
    for (let i = 0; i < 30; i++) {
      assert.equal((await open.refusal('door', 'ok_the-same-wrong-key-again'))[0], 'publish-denied');
    }
    for (let i = 0; i < 9; i++) assert.equal((await open.refusal('door', `ok_guess-${i}`))[0], 'publish-denied');
    assert.equal((await open.refusal('door', 'ok_guess-9'))[0], 'too-many-requests');
    assert.equal((await open.refusal('door', other))[0], 'too-many-requests', 'a guess is not even compared');
    (await open.publish('door', known)).close('done');
    (await open.publish('door', other, '192.0.2.2:1')).close('done');
    const events = await open.refused();
    assert.equal(events.length, 5, 'at most five reports a minute of an address');
    for (let i = 0; i < 80; i++) await open.refusal('door', 'ok_wrong', `198.51.100.${i}:1`);
    assert.equal((await open.refused()).length, 60, 'and sixty of all');
    open.rig.clock.advance(60_000);
    (await open.publish('door', other)).close('done');
  });

  test('a revoked key ends the sessions that use it, also one that is waiting as standby', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', { source: { type: 'push', onSecondPublisher: 'standby' } });
    const [first, second] = [await open.key('door'), await open.key('door')];
    const [active, standby, other] = [
      await open.publish('door', first),
      await open.publish('door', first),
      await open.publish('door', second),
    ];
    const { id } = open.keys.list('door')[0]!;
    await open.keys.remove('door', id);
    for (const { signal, turn } of [active, standby]) {
      assert.equal(turn.role, 'ended');
      assert.equal((signal.reason as OxbowError).code, 'publish-denied');
    }
    assert.equal(other.turn.role, 'active');
    assert.equal((await open.refusal('door', first))[0], 'publish-denied');
  });

  test('after a rotation both keys publish until the overlap is over; a session of the old one continues', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    const old = await open.key('door');
    const { id } = open.keys.list('door')[0]!;
    const { secret } = await open.keys.rotate('door', id, { overlapMs: 600_000, expiresMs: undefined });
    const session = await open.publish('door', old);
    open.rig.clock.advance(600_000);
    assert.equal(session.turn.role, 'active');
    session.close('done');
    assert.equal((await open.refusal('door', old))[1], 'The stream key has expired.');
    (await open.publish('door', secret)).close('done');
  });

  test('keys of a removed stream are not valid for a later one of the same name', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    const key = await open.key('door');
    const revoke = open.keys.revokerOf('door');
    await open.rig.api.remove('door', { recordings: 'keep' });
    await revoke();
    await open.rig.api.create('door', push);
    assert.equal((await open.refusal('door', key))[0], 'publish-denied');
    assert.throws(() => open.keys.list('attic'), { code: 'stream-unknown' });
  });
});

test('a key of the settings publishes to its stream; it is read as a digest, and printed nowhere', async () => {
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'oxbow.yaml');
  const key = 'a-key-of-the-settings';
  await writeFile(file, `streams: { door: { source: { type: push }, keys: [${key}, another-key-of-door] } }\n`);
  const loaded = await loadConfig({ files: [file] });
  const { streams } = loaded.config;
  assert.ok(!JSON.stringify(loaded.config).includes(key));
  await using open = await openRig({}, undefined, streams);
  await open.rig.api.create('door', push);
  await open.rig.api.create('gate', push);
  (await open.publish('door', key)).close('done');
  (await open.publish(undefined, 'another-key-of-door')).close('done');
  await assert.rejects(open.publish('gate', key), { code: 'publish-denied' });
  await writeFile(file, 'streams: { door: { source: { type: push }, keys: [short] } }\n');
  await assert.rejects(loadConfig({ files: [file] }), /16 to 100/);
});

suite('streams created on first publish', () => {
  test('a key for a prefix creates streams with that prefix, up to its limit, also at the same moment', async () => {
    await using open = await openRig();
    await open.rig.api.create('cam-0', push);
    const key = { label: 'cameras', allow: [], expiresMs: undefined, maxStreams: 3 };
    const { secret, view, stream } = await open.keys.createForPrefix('cam-', key);
    assert.deepEqual([view.scope, view.maxStreams, stream], ['publish:cam-*', 3, 'cam-NAME']);
    const names = ['cam-0', 'cam-1', 'cam-2', 'cam-3', 'cam-4'];
    const outcomes = await Promise.allSettled(names.map((name) => open.publish(name, secret)));
    assert.deepEqual(
      outcomes.map((each) => (each.status === 'fulfilled' ? each.value.turn.role : each.reason.code)),
      ['active', 'active', 'active', 'limit-reached', 'limit-reached'],
    );
    assert.equal(open.rig.catalog.get('cam-1').definition.visibility, 'public', 'the default on a loopback address');
    assert.equal((await open.refusal('gate-1', secret))[0], 'publish-denied');
    assert.equal((await open.refusal('cam-UPPER', secret))[0], 'bad-name');
    assert.equal((await open.refusal(undefined, secret))[0], 'publish-denied');
    assert.deepEqual(
      open.keys.list(null).map(({ label }) => label),
      ['cameras'],
    );
  });

  test('two publishers of one new name create one stream', async () => {
    await using open = await openRig();
    const all = await open.keys.createForPrefix('', { label: '', allow: [], expiresMs: undefined, maxStreams: 1 });
    const outcomes = await Promise.allSettled([open.publish('a', all.secret), open.publish('a', all.secret)]);
    assert.deepEqual(
      outcomes.map((each) => (each.status === 'fulfilled' ? each.value.turn.role : each.reason.code)),
      ['active', 'publisher-active'],
    );
  });

  test('keys of one stream create none, and with `publish.create: off` no key does', async () => {
    await using open = await openRig({ create: 'off' });
    const { secret } = await open.keys.createForPrefix('cam-', {
      label: '',
      allow: [],
      expiresMs: undefined,
      maxStreams: undefined,
    });
    assert.equal((await open.refusal('cam-1', secret))[0], 'stream-unknown');
    await open.rig.api.create('cam-1', push);
    (await open.publish('cam-1', secret)).close('done');
  });
});

suite('access of viewers over protocols', () => {
  test('public and unlisted streams need no token; signed and private ones do, and are otherwise unknown', async () => {
    await using open = await openRig();
    const { api, clock } = open.rig;
    for (const visibility of ['public', 'unlisted', 'signed', 'private'] as const)
      await api.create(visibility, { ...push, visibility });
    const read = (name: string, token?: string) =>
      open.entry.read({ name, token, protocol: 'srt', remote: HOME, signal: new AbortController().signal });
    const sign = (name: string) => open.access.watch.sign(name, clock.nowMs() + 60_000);
    for (const name of ['public', 'unlisted']) assert.equal(await read(name), open.rig.catalog.get(name).stream.sinks);
    for (const name of ['signed', 'private', 'attic']) await assert.rejects(read(name), { code: 'stream-unknown' });
    for (const name of ['signed', 'private', 'public']) await read(name, sign(name));
    await assert.rejects(read('private', sign('signed')), { code: 'watch-refused' });
    await assert.rejects(read('attic', sign('signed')), { code: 'watch-refused' });
    const { secret } = await open.access.tokens.make({ label: '', scopes: ['view'], expiresMs: undefined });
    await read('private', secret);
    const old = sign('signed');
    clock.advance(61_000);
    await assert.rejects(read('signed', old), { code: 'watch-expired' });
    await assert.rejects(read('Not A Name'), { code: 'bad-name' });
  });
});

test('rules by network decide over protocols too, after tokens, and without a country unless it is reported', async () => {
  await using open = await openRig();
  const watchRules = { allow: ['192.0.2.0/24', 'DE'], deny: ['192.0.2.66'] };
  await open.rig.api.create('near', { ...push, visibility: 'public', watchRules });
  await open.rig.api.create('hidden', { ...push, visibility: 'private', watchRules });
  const { signal } = new AbortController();
  const read = (name: string, remote: string, more: { readonly token?: string; readonly country?: string } = {}) =>
    open.entry.read({ name, token: undefined, protocol: 'whep', remote, signal, ...more });
  assert.equal(await read('near', HOME), open.rig.catalog.get('near').stream.sinks);
  await read('near', '[::ffff:192.0.2.5]:5000');
  await read('near', '198.51.100.1:5000', { country: 'DE' });
  await assert.rejects(read('near', '192.0.2.66:5000', { country: 'DE' }), { code: 'watch-denied-here' });
  await assert.rejects(read('near', '198.51.100.1:5000'), { code: 'watch-denied-here' });
  await assert.rejects(read('hidden', '198.51.100.1:5000'), { code: 'stream-unknown' }, 'no network reveals the name');
  const token = open.access.watch.sign('hidden', open.rig.clock.nowMs() + 60_000);
  await assert.rejects(read('hidden', '198.51.100.1:5000', { token }), { code: 'watch-denied-here' });
  await read('hidden', HOME, { token });
  await open.rig.api.update('near', { watchRules: null });
  await read('near', '198.51.100.1:5000');
});

test('viewers of protocols without a past are refused where they are late, and before the start', async () => {
  await using open = await openRig();
  const { rig, access } = open;
  await rig.api.create('show', { ...push, visibility: 'public' });
  const { signal } = new AbortController();
  const read = (token?: string) => open.entry.read({ name: 'show', token, protocol: 'whep', remote: HOME, signal });
  const sign = (isExempt: boolean) => access.watch.sign('show', rig.clock.nowMs() + 60_000, undefined, isExempt);
  await rig.api.update('show', { past: { rewind: '1m', clips: false } });
  await read();
  await rig.api.update('show', { past: { delay: '30s' } });
  await assert.rejects(read(), { code: 'past-limited', message: /30s later.*HLS/ });
  await assert.rejects(read(sign(false)), { code: 'past-limited' });
  await read(sign(true));
  await rig.api.update('show', { past: { start: 'mark' } });
  await assert.rejects(read(), { code: 'not-started' });
  await rig.api.setStartMark('show', Math.floor(rig.clock.nowMs()));
  await read();
});

test('a stream of another process is published and watched there, by connections that can go there', async () => {
  await using open = await openRig();
  const { rig, access } = open;
  await rig.api.create('here', push);
  const brought: string[] = [];
  const elsewhere: PublishAccessDeps['elsewhere'] = {
    nameOf: async () => 'there',
    idOf: async () => undefined,
    readKeys: async () => {},
    bring: async (name) => void brought.push(name),
    processOf: async (name) => (name === 'there' ? 'process-2' : undefined),
  };
  const limits = new RateLimits(() => rig.clock.monotonicMs());
  const { control, catalog } = rig;
  const entry = createPublishAccess({ ...rig.deps, control, catalog, access, limits, auth: undefined, elsewhere });
  const scope = { type: 'stream', streamId: 'of-there' } as const;
  const { secret } = await access.publishKeys.create({ scope, label: '', allow: [], expiresMs: undefined });
  const request = { protocol: 'rtmp', remote: HOME, signal: new AbortController().signal };
  const isElsewhere = (error: unknown) => error instanceof StreamElsewhere && error.process === 'process-2';
  for (const name of ['there', undefined]) {
    await assert.rejects(entry.publish({ ...request, name, key: secret, canPass: true }), isElsewhere);
  }
  await assert.rejects(entry.read({ ...request, name: 'there', token: undefined, canPass: true }), isElsewhere);
  assert.deepEqual(brought, []);
  // A connection that was passed, or cannot be: the stream comes here.
  await assert.rejects(entry.publish({ ...request, name: 'there', key: secret }), { code: 'stream-unknown' });
  assert.deepEqual(brought, ['there']);
  await assert.rejects(entry.read({ ...request, name: 'there', token: undefined }), { code: 'stream-unknown' });
  const wrong = { ...request, name: 'there', key: `${secret}x`, canPass: true };
  await assert.rejects(entry.publish(wrong), { code: 'publish-denied' });
  await entry.read({ ...request, name: 'here', token: undefined, canPass: true });
});
