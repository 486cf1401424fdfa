import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Access, openAccess } from '../../accounts/access.ts';
import type { AuthVerdict } from '../../accounts/auth/auth-answer.ts';
import type { AuthQuestion } from '../../accounts/auth/auth-url.ts';
import { memoryTables } from '../../accounts/memory-tables.fixture.ts';
import { RateLimits } from '../../accounts/rate-limit.ts';
import type { PublishAccess } from '../../ingest/publish-access.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openStreams, type StreamsRig, temporaryFolder } from '../streams.fixture.ts';
import { createPublishAccess } from './publish-access.ts';

const push = { source: { type: 'push' } } as const;
const HOME = '192.0.2.1:5000';
const allow: AuthVerdict = { isAllowed: true, stream: undefined, record: undefined };

interface Rig extends AsyncDisposable {
  readonly rig: StreamsRig;
  readonly access: Access;
  readonly entry: PublishAccess;
  readonly asked: AuthQuestion[];
  answer: AuthVerdict | OxbowError;
  publish(name: string | undefined, key?: string): ReturnType<PublishAccess['publish']>;
  read(name: string, token?: string): ReturnType<PublishAccess['read']>;
}

async function openRig(create: 'keys' | 'auth' | 'off' = 'keys'): Promise<Rig> {
  const folder = await temporaryFolder();
  const rig = await openStreams({ folder: folder.path });
  const { deps, clock, control, catalog } = rig;
  const settings = { now: { ...deps.settings.now, publish: { create, maxStreams: 2 } } };
  const access = await openAccess({ tables: memoryTables(), dataFolder: folder.path, clock, adminToken: undefined });
  const limits = new RateLimits(() => clock.monotonicMs());
  const asked: AuthQuestion[] = [];
  const opened: Rig = {
    rig,
    access,
    asked,
    answer: allow,
    entry: createPublishAccess({
      ...deps,
      settings,
      control,
      catalog,
      access,
      limits,
      auth: {
        async ask(question) {
          asked.push(question);
          if (opened.answer instanceof OxbowError) throw opened.answer;
          return opened.answer;
        },
      },
    }),
    publish: (name, key) =>
      opened.entry.publish({ name, key, remote: HOME, protocol: 'rtmp', userAgent: 'OBS', signal: live() }),
    read: (name, token) => opened.entry.read({ name, token, remote: HOME, protocol: 'srt', signal: live() }),
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  return opened;
}

const live = () => new AbortController().signal;

suite('publishers and viewers with an authorization server', () => {
  test('a publisher needs no key of oxbow: the server decides, and a denial has its words', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    (await open.publish('door', 'a key of another system')).close('done');
    (await open.publish('door')).close('done');
    const common = { action: 'publish', stream: 'door', protocol: 'rtmp', address: '192.0.2.1', userAgent: 'OBS' };
    assert.deepEqual(open.asked, [
      { ...common, secret: 'a key of another system', keyId: undefined },
      { ...common, secret: undefined, keyId: undefined },
    ]);
    open.answer = { isAllowed: false, detail: 'your plan has ended' };
    await assert.rejects(open.publish('door'), { code: 'publish-denied', message: 'your plan has ended' });
    open.answer = new OxbowError('auth-unavailable', 'no answer');
    await assert.rejects(open.publish('door'), { code: 'auth-unavailable' });
    await open.rig.settle();
    const refused = open.rig.events.filter(({ type }) => type === 'publish.refused');
    assert.deepEqual(
      refused.map(({ stream, data }) => [stream, (data as { code: string }).code]),
      [
        ['door', 'publish-denied'],
        ['door', 'auth-unavailable'],
      ],
    );
  });

  test('a key of oxbow that is expired or of another stream is refused without a question; a valid one is asked about', async () => {
    await using open = await openRig();
    for (const name of ['door', 'gate']) await open.rig.api.create(name, push);
    const streamId = open.rig.catalog.get('door').definition.id;
    const settings = { scope: { type: 'stream', streamId }, label: '', allow: [] } as const;
    const { publishKeys } = open.access;
    const { secret, key } = await publishKeys.create({ ...settings, expiresMs: undefined });
    const { secret: old } = await publishKeys.create({ ...settings, expiresMs: open.rig.clock.nowMs() });
    await assert.rejects(open.publish('door', old), { code: 'publish-denied' });
    await assert.rejects(open.publish('gate', secret), { code: 'publish-denied' });
    assert.equal(open.asked.length, 0);
    (await open.publish(undefined, secret)).close('done');
    assert.deepEqual([open.asked[0]!.stream, open.asked[0]!.keyId], ['door', key.id]);
    open.answer = { isAllowed: false, detail: '' };
    await assert.rejects(open.publish('door', secret), { code: 'publish-denied' });
  });

  test('the server names the stream of a key, and sets whether it is recorded', async () => {
    await using open = await openRig();
    await open.rig.api.create('door', push);
    open.answer = { isAllowed: true, stream: 'door', record: false };
    (await open.publish(undefined, 'of another system')).close('done');
    assert.equal(open.asked[0]!.stream, null);
    assert.equal(open.rig.catalog.get('door').definition.record, false);
    open.answer = allow;
    await assert.rejects(open.publish(undefined, 'of another system'), { code: 'publish-denied' });
  });

  test('creates streams only where `publish.create` is `auth`, up to `publish.maxStreams` in total', async () => {
    await using closed = await openRig('keys');
    await assert.rejects(closed.publish('cam-1'), { code: 'stream-unknown' });
    await using open = await openRig('auth');
    for (const name of ['cam-1', 'cam-2']) (await open.publish(name)).close('done');
    await assert.rejects(open.publish('cam-3'), { code: 'limit-reached' });
  });

  test('decides who watches signed and private streams; public ones and API tokens are not asked about', async () => {
    await using open = await openRig();
    for (const visibility of ['public', 'private'] as const)
      await open.rig.api.create(visibility, { ...push, visibility });
    await open.read('public');
    await open.read('public', 'a-token-of-another-system');
    await assert.rejects(open.read('attic'), { code: 'stream-unknown' });
    await assert.rejects(open.read('attic', 'other'), { code: 'watch-refused' });
    const { secret } = await open.access.tokens.make({ label: '', scopes: ['view'], expiresMs: undefined });
    await open.read('private', secret);
    assert.equal(open.asked.length, 0);
    await open.read('private');
    await open.read('private', 'other');
    const own = open.access.watch.sign('private', open.rig.clock.nowMs() + 60_000);
    await open.read('private', own);
    assert.deepEqual(
      open.asked.map(({ action, stream, secret: sent }) => [action, stream, sent]),
      [
        ['read', 'private', undefined],
        ['read', 'private', 'other'],
        ['read', 'private', own],
      ],
    );
    open.answer = { isAllowed: false, detail: '' };
    await assert.rejects(open.read('private'), { code: 'stream-unknown' });
    await assert.rejects(open.read('private', own), { code: 'watch-refused' });
    open.rig.clock.advance(61_000);
    open.answer = allow;
    await assert.rejects(open.read('private', own), { code: 'watch-expired' });
  });
});
