import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { administrator, anonymous, type Principal } from '../../accounts/principal.ts';
import { CASE_LIMITS } from '../../api/cases/case-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Retention } from '../../recording/retention.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { CaseAccess, type CaseCaller } from './case-access.ts';
import { CaseHolds } from './case-holds.ts';
import { CaseTable } from './case-table.ts';
import { Cases } from './cases-api.ts';

const HOUR = 3_600_000;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const testSource = { source: { type: 'test' } } as const;
const always = () => {};

function callerOf(principal: Principal): CaseCaller {
  const userId = principal.owner.replace(/^user:/, '');
  return { principal, by: { userId, name: principal.name, address: '', traceId: '' } };
}
const user = (name: string, more: Partial<Principal> = {}): CaseCaller =>
  callerOf({
    ...anonymous,
    owner: `user:${name}`,
    name: `user ${name}`,
    user: { id: name, name, role: 'user' },
    ...more,
  });
const admin = callerOf(administrator);
const ada = user('ada');
const bob = user('bob');

/** A stream `door` with six seconds of media, and the API of cases. */
async function openRig(
  path: string,
  change: Partial<{ create: 'admins' | 'users'; perUser: number; max: number }> = {},
) {
  const rig = await openStreams({ folder: path });
  await rig.api.create('door', { ...testSource, keep: '1h' });
  rig.source('door').flow(6000);
  await rig.settle();
  const { recordings, events } = rig.deps;
  const { pins, chunks, erasures } = recordings;
  const settings = { now: { cases: { create: 'users' as const, perUser: 10, max: 100, ...change } } };
  const table = new CaseTable(rig.store.db);
  const access = new CaseAccess({ store: rig.store, clock: rig.clock, settings });
  const holds = new CaseHolds({ pins, chunks, catalog: rig.catalog, events, clock: rig.clock });
  const cases = new Cases({ table, holds, access, erasures, events, clock: rig.clock, settings });
  const range = { stream: 'door', fromMs: START_MS + 1000, toMs: START_MS + 4000, title: ' hall ' };
  const held = () => pins.allHolds().map(({ hold }) => hold.name);
  return { rig, cases, table, settings, range, held, pins };
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
    onDeletedBefore: (streamId, us) => catalog.recordings.setDeletedBefore(streamId, us),
    release() {},
    deleted() {},
    failed: (error) => assert.fail(String(error)),
  }).pass();
}

suite('a case', () => {
  test('keeps its ranges from retention until it is closed, and reports that as events', async () => {
    await using folder = await temporaryFolder();
    const { rig, cases, range, held } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await cases.create({ title: ' Door 7 ' }, admin);
    assert.deepEqual([view.title, view.state, view.createdBy], ['Door 7', 'open', 'admin token']);
    const added = (await cases.addRange(view.id, range, admin, always)).view;
    assert.deepEqual(
      added.ranges.map(({ stream, title, isHeld, isErased, mayWatch }) => ({
        stream,
        title,
        isHeld,
        isErased,
        mayWatch,
      })),
      [{ stream: 'door', title: 'hall', isHeld: true, isErased: false, mayWatch: true }],
    );
    assert.deepEqual(held(), ['Case: Door 7']);
    rig.source('door').down(1000);
    await rig.settle();
    rig.clock.advance(5 * HOUR);
    rig.source('door').flow(6000);
    await rig.settle();
    await retain(rig);
    const oldest = async () => Date.parse((await rig.api.get('door'))!.recorded.from!);
    assert.ok((await oldest()) < START_MS + 1000, 'the range is kept');
    assert.equal((await cases.close(view.id, admin, always)).view.state, 'closed');
    assert.deepEqual(held(), []);
    await retain(rig);
    assert.ok((await oldest()) > START_MS + HOUR, 'retention applies again');
    const again = (await cases.reopen(view.id, admin, always)).view;
    assert.deepEqual([again.state, again.ranges[0]!.isHeld], ['open', false], 'nothing is left to hold');
    await cases.close(view.id, admin, always);
    await cases.remove(view.id, admin, always);
    await assert.rejects(cases.get(view.id, admin), refusal('case-unknown'));
    assert.deepEqual(
      rig.events.map(({ type }) => type).filter((type) => /^(case|hold)\./.test(type)),
      [
        'case.created',
        'hold.added',
        'case.changed',
        'hold.lifted',
        'case.closed',
        'case.reopened',
        'case.closed',
        'case.deleted',
      ],
    );
  });

  test('refuses ranges without media, in the future, backwards or too long, and leaves no hold', async () => {
    await using folder = await temporaryFolder();
    const { rig, cases, range, held } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await cases.create({ title: 'x' }, admin);
    const add = (change: object) => cases.addRange(view.id, { ...range, ...change }, admin, always);
    await assert.rejects(add({ fromMs: START_MS - 9000, toMs: START_MS - 8000 }), refusal('no-media'));
    await assert.rejects(add({ toMs: rig.clock.nowMs() + 61_000 }), refusal('bad-time'));
    await assert.rejects(add({ toMs: range.fromMs }), refusal('bad-time'));
    await assert.rejects(add({ fromMs: range.toMs - CASE_LIMITS.rangeMs - 1 }), refusal('window-too-long'));
    await assert.rejects(add({ stream: 'unknown' }), refusal('stream-unknown'));
    const stale = () => {
      throw new OxbowError('precondition-failed', 'If-Match does not match.');
    };
    await assert.rejects(cases.addRange(view.id, range, admin, stale), refusal('precondition-failed'));
    await cases.close(view.id, admin, always);
    await assert.rejects(add({}), refusal('case-closed'));
    await assert.rejects(
      cases.addNote(view.id, { text: 'x', atMs: undefined, range: undefined }, admin, always),
      refusal('case-closed'),
    );
    assert.deepEqual(held(), []);
  });

  test('is for its owner and administrators; users open as many as the setting says', async () => {
    await using folder = await temporaryFolder();
    const { rig, cases, settings, range } = await openRig(folder.path, { perUser: 1 });
    await using _closing = rig;
    const { view } = await cases.create({ title: 'of Ada' }, ada);
    await assert.rejects(cases.create({ title: 'another' }, ada), refusal('limit-reached'));
    await cases.create({ title: 'of Bob' }, bob);
    for (const work of [
      () => cases.get(view.id, bob),
      () => cases.update(view.id, { title: 'x' }, bob, always),
      () => cases.addRange(view.id, range, bob, always),
      () => cases.close(view.id, bob, always),
      () => cases.remove(view.id, bob, always),
    ])
      await assert.rejects(work(), refusal('case-unknown'));
    const titles = async (caller: CaseCaller) => (await cases.list({}, caller)).items.map(({ title }) => title);
    assert.deepEqual([(await titles(admin)).length, await titles(ada)], [2, ['of Ada']]);
    assert.equal((await cases.get(view.id, admin)).view.title, 'of Ada');
    const guest = user('eve', { user: { id: 'eve', name: 'eve', role: 'guest' } });
    await assert.rejects(cases.create({ title: 'x' }, guest), refusal('forbidden'));
    await assert.rejects(cases.create({ title: 'x' }, callerOf(anonymous)), refusal('unauthorized'));
    settings.now.cases.create = 'admins' as never;
    await assert.rejects(cases.get(view.id, ada), refusal('forbidden'));
  });

  test('gets no range that its user may not watch, by visibility and by the rules for the past', async () => {
    await using folder = await temporaryFolder();
    const { rig, cases, range } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await cases.create({ title: 'of Ada' }, ada);
    const add = (caller = ada) => cases.addRange(view.id, range, caller, always);
    const mayWatch = async (caller: CaseCaller) =>
      (await cases.get(view.id, caller)).view.ranges.map((each) => each.mayWatch);
    await rig.api.update('door', { visibility: 'private' });
    await assert.rejects(add(), refusal('stream-unknown'));
    await rig.api.update('door', { visibility: 'signed' });
    await assert.rejects(add(), refusal('stream-unknown'));
    await add(user('ada', { seesSigned: true }));
    assert.deepEqual([await mayWatch(ada), await mayWatch(admin)], [[false], [true]]);
    await rig.api.update('door', { visibility: 'public', past: { clips: false } });
    await assert.rejects(add(), refusal('clips-off'));
    await rig.api.update('door', { past: { delay: '3m' } });
    await assert.rejects(add(), refusal('past-limited'));
    assert.deepEqual([await mayWatch(ada), await mayWatch(admin)], [[false], [true]]);
    await rig.api.update('door', { past: { start: 'mark' } });
    await assert.rejects(add(), refusal('not-started'));
    await add(admin);
  });

  test('that a process left while it closed it has no holds after the next start', async () => {
    await using folder = await temporaryFolder();
    const { rig, cases, table, range, held } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await cases.create({ title: 'x' }, admin);
    await cases.addRange(view.id, range, admin, always);
    await table.change(view.id, { check: always, fields: { closed_us: START_MS * 1000 } });
    assert.deepEqual(held(), ['Case: x']);
    await cases.liftLeft();
    assert.deepEqual(held(), []);
  });

  test('that is opened again while it is closed keeps no hold without a range, and no range without its hold', async () => {
    await using folder = await temporaryFolder();
    const { rig, cases, table, range, held, pins } = await openRig(folder.path);
    await using _closing = rig;
    const { view } = await cases.create({ title: 'x' }, admin);
    await cases.addRange(view.id, range, admin, always);
    // The process that closes it has lifted the hold, and another one opens it again before it notes that.
    const setHold = table.clearHold.bind(table);
    let isFirst = true;
    table.clearHold = async (...args) => {
      if (isFirst) {
        isFirst = false;
        await cases.reopen(view.id, admin, always);
      }
      await setHold(...args);
    };
    await cases.close(view.id, admin, always);
    assert.deepEqual([held(), (await cases.get(view.id, admin)).view.ranges[0]!.isHeld], [['Case: x'], true]);
    // A process ended while it closed the case: the hold is still there when it is opened again.
    await table.change(view.id, { check: always, fields: { closed_us: START_MS * 1000 } });
    await cases.reopen(view.id, admin, always);
    assert.deepEqual(held(), ['Case: x']);
    await cases.close(view.id, admin, always);
    assert.deepEqual([held(), pins.allHolds()], [[], []]);
  });
});
