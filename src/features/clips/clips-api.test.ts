import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { administrator, anonymous, type Principal } from '../../accounts/principal.ts';
import type { ClipRequest } from '../../api/clips/clips-api.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Retention } from '../../recording/retention.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { createClipKeeper } from './clip-keeper.ts';
import { ClipTable } from './clip-table.ts';
import { ServedClips } from './clips-api.ts';

const HOUR = 3_600_000;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const testSource = { source: { type: 'test' } } as const;
const ada: Principal = { ...anonymous, owner: 'user:ada', name: 'user ada', mayUpload: true };
const bob: Principal = { ...ada, owner: 'user:bob' };

/** A stream with six seconds of media, and the API of clips. */
async function openRig(path: string, visibility: 'public' | 'private' | 'signed' = 'public', maxDisk?: number) {
  const rig = await openStreams({ folder: path, ...(maxDisk !== undefined && { maxDisk }) });
  await rig.api.create('door', { ...testSource, visibility });
  rig.source('door').flow(6000);
  await rig.settle();
  const clips = await ClipTable.open(rig.store.db);
  rig.deps.recordings.kept.add(createClipKeeper({ ...rig.deps, clips, catalog: rig.catalog }));
  const api = new ServedClips({
    clips,
    catalog: rig.catalog,
    clock: rig.clock,
    events: rig.deps.events,
    sign: (name, expiresMs) => `${name.replace('/', '.')}-${expiresMs}`,
    nameOf: (owner) => (owner === 'user:ada' ? 'Ada' : undefined),
  });
  const ask = (change: Partial<ClipRequest> = {}): ClipRequest => ({
    stream: 'door',
    fromMs: START_MS + 1500,
    toMs: START_MS + 4250,
    title: ' Goal ',
    visibility: undefined,
    confirm: false,
    ...change,
  });
  const types = () => rig.events.filter(({ type }) => type.startsWith('clip.')).map(({ type }) => type);
  return { rig, clips, api, ask, types };
}

/** Stops a stream, until its recording is in the index. */
async function seal({ api, catalog, deps, settle }: StreamsRig, name: string): Promise<void> {
  await api.stop(name);
  do await settle();
  while ((await deps.recordings.table.totals(catalog.get(name).definition.id)).bytes === 0);
}

/** A pass of retention as the program makes it. */
async function retain({ deps, catalog, clock }: StreamsRig): Promise<void> {
  await new Retention({
    segments: deps.recordings.segments,
    table: deps.recordings.table,
    chunks: deps.recordings.chunks,
    clock,
    horizons: deps.recordings.horizons,
    settings: deps.settings,
    streams: () => catalog.recordings.retentionRules,
    pinned: (streamId) => deps.recordings.kept.ranges(streamId),
    pinnedForGood: (streamId) => deps.recordings.pins.ranges(streamId),
    giveUp: (streamId, window) => deps.recordings.kept.lose(streamId, window, 'disk'),
    onDeletedBefore: (streamId, us) => catalog.recordings.setDeletedBefore(streamId, us),
    release() {},
    deleted() {},
    failed: (error) => assert.fail(String(error)),
  }).pass();
}

suite('a clip', () => {
  test('has the visibility of its stream, the times as given, and its place in its file', async () => {
    await using folder = await temporaryFolder();
    const { rig, api, ask, types } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await api.create(ask(), ada);
    const { id, media } = view;
    assert.deepEqual(
      { ...view, id: '', createdAt: '', media: { ...media, sizeBytes: 0 } },
      {
        id: '',
        stream: 'door',
        title: 'Goal',
        visibility: 'public',
        createdAt: '',
        createdBy: 'Ada',
        from: new Date(START_MS + 1500).toISOString(),
        to: new Date(START_MS + 4250).toISOString(),
        durationS: 2.75,
        url: `/c/${id}`,
        mayChange: true,
        media: {
          file: `/c/${id}/clip.mp4`,
          preview: `/c/${id}/preview.jpg`,
          sizeBytes: 0,
          startS: 1.5,
          endS: 4.25,
        },
      },
    );
    assert.ok(media.sizeBytes > 1000);
    assert.deepEqual(await api.get(id, anonymous), { ...view, mayChange: false });
    const { view: changed } = await api.update(id, { title: 'Save' }, ada);
    assert.deepEqual([changed.title, changed.visibility], ['Save', 'public']);
    await assert.rejects(api.remove(id, anonymous), refusal('unauthorized'));
    await assert.rejects(api.update(id, { title: '' }, bob), refusal('forbidden'));
    await api.remove(id, administrator);
    await assert.rejects(api.get(id, administrator), refusal('clip-unknown'));
    assert.deepEqual(types(), ['clip.created', 'clip.changed', 'clip.deleted']);
  });

  test('is refused without media, in the future, backwards and too long, and keeps nothing then', async () => {
    await using folder = await temporaryFolder();
    const { rig, clips, api, ask } = await openRig(folder.path);
    await using _closing = rig;
    const nowMs = rig.clock.nowMs();
    const create = (fromMs: number, toMs: number) => api.create(ask({ fromMs, toMs }), ada);
    await assert.rejects(create(START_MS - 5000, START_MS - 4000), refusal('no-media'));
    await assert.rejects(create(nowMs, nowMs + 61_000), refusal('bad-time'));
    await assert.rejects(create(nowMs, nowMs), refusal('bad-time'));
    await assert.rejects(create(nowMs - HOUR - 1, nowMs), refusal('clip-too-long'));
    await assert.rejects(api.create(ask({ stream: 'attic' }), ada), refusal('stream-unknown'));
    assert.deepEqual(clips.newestFirst, []);
  });

  test('of a restricted stream is more open only if the request confirms it', async () => {
    await using folder = await temporaryFolder();
    const { rig, api, ask } = await openRig(folder.path, 'private');
    await using _closing = rig;
    for (const visibility of ['public', 'unlisted', 'signed'] as const) {
      await assert.rejects(api.create(ask({ visibility }), ada), refusal('clip-more-open'));
    }
    const made = await api.create(ask(), ada);
    assert.deepEqual([made.view.visibility, made.openedFrom], ['private', undefined]);
    const { id, media } = made.view;
    assert.match(media.file, new RegExp(`^/t/clip\\.${id}-\\d+/c/${id}/clip\\.mp4$`));
    for (const who of [anonymous, bob]) await assert.rejects(api.get(id, who), refusal('clip-unknown'));
    assert.equal((await api.get(id, { ...anonymous, token: 'given' })).media.file, `/t/given/c/${id}/clip.mp4`);
    await assert.rejects(api.update(id, { visibility: 'unlisted' }, ada), refusal('clip-more-open'));
    const opened = await api.update(id, { visibility: 'public', confirm: true }, ada);
    assert.deepEqual([opened.openedFrom, opened.view.media.file], ['private', `/c/${id}/clip.mp4`]);
    const again = await api.update(id, { visibility: 'public', title: 'Again' }, ada);
    assert.equal(again.openedFrom, undefined, 'it is no more open than before');
    assert.equal((await api.get(id, anonymous)).title, 'Again');
  });

  test('is in the lists of those who may find it, newest first, in pages', async () => {
    await using folder = await temporaryFolder();
    const { rig, api, ask } = await openRig(folder.path);
    await using _closing = rig;
    for (const visibility of ['public', 'unlisted', 'signed', 'private'] as const) {
      await api.create(ask({ visibility, title: visibility }), ada);
      rig.clock.advance(1);
    }
    const titles = async (who: Principal, stream?: string) =>
      (await api.list(stream === undefined ? {} : { stream }, who)).items.map(({ title }) => title);
    const all = ['private', 'signed', 'unlisted', 'public'];
    assert.deepEqual(await titles(ada), all);
    assert.deepEqual(await titles(administrator, 'door'), all);
    assert.deepEqual(await titles(administrator, 'attic'), []);
    assert.deepEqual(await titles(bob), ['public']);
    assert.deepEqual(await titles({ ...bob, seesSigned: true }), ['signed', 'public']);
    const first = await api.list({ limit: '3' }, ada);
    const rest = await api.list({ limit: '3', cursor: first.nextCursor! }, ada);
    assert.deepEqual(
      [first.items.length, rest.items.map(({ title }) => title), rest.nextCursor],
      [3, ['public'], null],
    );
    await assert.rejects(api.list({ cursor: 'x' }, ada), refusal('bad-request'));
  });

  test('keeps its media when everything around it is old, until it is deleted', async () => {
    await using folder = await temporaryFolder();
    const { rig, api, ask } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await api.create(ask({ toMs: START_MS + 3900 }), ada);
    await seal(rig, 'door');
    rig.clock.advance(1000 * HOUR);
    await retain(rig);
    const streamId = rig.catalog.get('door').definition.id;
    assert.ok((await rig.deps.recordings.table.totals(streamId)).bytes > 0);
    const { spans } = await rig.api.timeline('door', START_MS, START_MS + HOUR);
    assert.deepEqual(spans, [{ from: new Date(START_MS).toISOString(), to: new Date(START_MS + 6000).toISOString() }]);
    assert.deepEqual((await api.get(view.id, ada)).media, view.media);
    await api.remove(view.id, ada);
    await retain(rig);
    assert.equal((await rig.deps.recordings.table.totals(streamId)).bytes, 0);
  });

  test('is the last to be deleted on a full disk, with an event; its address then says that it is lost', async () => {
    await using folder = await temporaryFolder();
    const { rig, api, ask } = await openRig(folder.path, 'public', 1);
    await using _closing = rig;
    const { view } = await api.create(ask(), ada);
    await rig.api.create('porch', testSource);
    rig.source('porch').flow(1000);
    await rig.settle();
    await seal(rig, 'porch');
    await seal(rig, 'door');
    rig.clock.advance(HOUR);
    const bytesOf = async (name: string) =>
      (await rig.deps.recordings.table.totals(rig.catalog.get(name).definition.id)).bytes;
    const tight = { ...rig, deps: { ...rig.deps, settings: { now: { ...rig.deps.settings.now } } } };
    tight.deps.settings.now.record = { ...tight.deps.settings.now.record, maxDisk: await bytesOf('door') };
    await retain(tight);
    assert.deepEqual(
      [await bytesOf('porch'), api.facts(view.id)?.isLost],
      [0, false],
      'the other recording goes first',
    );
    await retain(rig);
    assert.equal(await bytesOf('door'), 0);
    assert.equal(api.facts(view.id)?.isLost, true);
    await assert.rejects(api.get(view.id, ada), refusal('clip-lost'));
    assert.deepEqual((await api.list({}, ada)).items, []);
    const lost = rig.events.find(({ type }) => type === 'clip.lost');
    assert.deepEqual(lost?.data, {
      id: view.id,
      title: 'Goal',
      visibility: 'public',
      owner: 'user:ada',
      reason: 'disk',
    });
    assert.ok(rig.logged.some(({ msg, clip }) => clip === view.id && /record\.maxDisk/.test(String(msg))));
    await api.remove(view.id, ada);
    await assert.rejects(api.get(view.id, ada), refusal('clip-unknown'));
  });

  test('waits for its stream if that was removed, and is lost with its recordings', async () => {
    await using folder = await temporaryFolder();
    const { rig, api, ask } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await api.create(ask({ toMs: START_MS + 3900 }), ada);
    await rig.api.remove('door', { recordings: 'keep' });
    await assert.rejects(api.get(view.id, anonymous), refusal('clip-unknown'));
    assert.equal(api.facts(view.id), undefined);
    assert.equal((await api.get(view.id, ada)).stream, 'door', 'its owner may still delete it');
    await rig.api.create('door', testSource);
    assert.deepEqual((await api.get(view.id, anonymous)).media, view.media);
    await rig.api.remove('door', { recordings: 'delete' });
    await assert.rejects(api.get(view.id, ada), refusal('clip-unknown'));
    await rig.settle();
    const lost = rig.events.find(({ type }) => type === 'clip.lost');
    assert.deepEqual(
      [lost?.stream, lost?.data],
      ['door', { id: view.id, title: 'Goal', visibility: 'public', owner: 'user:ada', reason: 'deleted' }],
    );
  });
});
