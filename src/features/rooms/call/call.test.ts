import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_CALL, MAX_CALL_PICTURES } from '../../../api/room/call-shapes.ts';
import { maskOf } from '../../../api/room/permissions.ts';
import type { WebRtcTransport } from '../../../ingest/webrtc/webrtc-transport.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { createSilentLog } from '../../../observe/log.ts';
import { changeMember, kick } from '../members/moderation.ts';
import type { Room } from '../room.ts';
import { aConnection, aUser, openTestRooms, type TestConnection } from '../rooms.fixture.ts';
import { type CallParts, createCallStats } from './call-parts.ts';

const voice = { microphone: true, camera: false, screen: false } as const;
const camera = { microphone: true, camera: true, screen: false } as const;

async function openRoom(change: Partial<CallParts> = {}) {
  const stats = createCallStats();
  const calls: CallParts = {
    isOn: () => true,
    canForward: () => true,
    transport: () => ({}) as WebRtcTransport, // these tests open no connection
    iceServers: () => [{ urls: 'stun:example.org' }],
    clock: createManualClock(),
    log: createSilentLog(),
    stats,
    ...change,
  };
  const opened = await openTestRooms({ calls });
  const owner = aUser('u1');
  const room = await opened.rooms.create(owner, { name: 'Den' });
  return { ...opened, room, owner, stats, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

/** A person enters and joins. */
function join(
  room: Room,
  name: string,
  media: typeof voice | typeof camera = voice,
): TestConnection & { leave(): void } {
  const peer = aConnection(aUser(name));
  const seat = room.enter(peer);
  seat.receive({ t: 'call-join', id: 'join-0001', ...media });
  return Object.assign(peer, { leave: () => seat.leave() });
}

const refusalOf = (peer: TestConnection) => peer.of('refused').at(-1)?.code;
const callOf = (peer: TestConnection) => peer.of('call').at(-1)?.call;
const recordersOf = (peer: TestConnection) =>
  callOf(peer)?.participants.flatMap(({ id, recording }) => (recording ? [id] : []));

suite('a call', () => {
  test('people join and leave; everyone in the room sees who takes part, also who enters later', async () => {
    await using opened = await openRoom();
    const { room, stats } = opened;
    const watcher = aConnection(aUser('u9'));
    room.enter(watcher);
    assert.equal(watcher.of('welcome')[0]!.call, null);
    const ann = join(room, 'u2', camera);
    assert.deepEqual(ann.of('call-joined'), [
      { t: 'call-joined', participant: ann.id, iceServers: [{ urls: 'stun:example.org' }] },
    ]);
    assert.equal(ann.of('ack').length, 1);
    assert.deepEqual(callOf(watcher), {
      mode: 'mesh',
      participants: [{ id: ann.id, user: 'u2', name: 'Name of u2', ...camera }],
    });
    const ben = join(room, 'u3');
    const late = aConnection(aUser('u8'));
    room.enter(late);
    assert.deepEqual(
      late.of('welcome')[0]!.call?.participants.map(({ user }) => user),
      ['u2', 'u3'],
    );
    assert.equal(stats.open.size, 1);
    ann.leave();
    room.call.receive(ben, { t: 'call-leave' });
    assert.equal(callOf(watcher), null);
    assert.equal(stats.open.size, 0);
  });

  test('what a participant sends is changed, and joining again changes it too', async () => {
    await using opened = await openRoom();
    const ann = join(opened.room, 'u2');
    opened.room.call.receive(ann, { t: 'call-media', id: 'media-001', microphone: false, camera: true, screen: true });
    assert.deepEqual(
      callOf(ann)?.participants.map(({ microphone, screen }) => [microphone, screen]),
      [[false, true]],
    );
    opened.room.call.receive(ann, { t: 'call-join', id: 'join-0002', ...voice });
    assert.deepEqual(
      callOf(ann)?.participants.map(({ microphone, screen }) => [microphone, screen]),
      [[true, false]],
    );
    const other = aConnection(aUser('u3'));
    opened.room.enter(other);
    opened.room.call.receive(other, { t: 'call-media', id: 'media-001', ...voice });
    assert.equal(refusalOf(other), 'call-unknown');
  });

  test('signals pass between participants of a small call, and to no one else', async () => {
    await using opened = await openRoom();
    const { room } = opened;
    const [ann, ben] = [join(room, 'u2'), join(room, 'u3')];
    const stranger = aConnection(aUser('u4'));
    room.enter(stranger);
    const signal = { description: { type: 'offer', sdp: 'v=0' } } as const;
    room.call.receive(ann, { t: 'call-signal', to: ben.id, signal });
    assert.deepEqual(ben.of('call-signal'), [{ t: 'call-signal', from: ann.id, signal }]);
    room.call.receive(ann, { t: 'call-signal', to: stranger.id, signal });
    room.call.receive(stranger, { t: 'call-signal', to: ben.id, signal });
    room.call.receive(ann, { t: 'call-signal', to: ann.id, signal });
    assert.deepEqual(
      [stranger, ben, ann].map((one) => one.of('call-signal').length),
      [0, 1, 0],
    );
    for (const name of ['u5', 'u6', 'u7']) join(room, name);
    room.call.receive(ann, { t: 'call-signal', to: ben.id, signal });
    assert.equal(ben.of('call-signal').length, 1, 'a forwarded call has no signals');
  });

  test('from the fifth one on the server forwards, until the call is empty', async () => {
    await using opened = await openRoom();
    const people = ['u2', 'u3', 'u4', 'u5', 'u6'].map((name) => join(opened.room, name));
    assert.deepEqual(
      people[0]!.of('call').map(({ call }) => call?.mode),
      ['mesh', 'mesh', 'mesh', 'mesh', 'forwarded'],
    );
    for (const one of people.slice(1)) one.leave();
    assert.equal(callOf(people[0]!)?.mode, 'forwarded');
    people[0]!.leave();
    assert.equal(callOf(join(opened.room, 'u2'))?.mode, 'mesh');
  });

  test('sixteen take part, and without a port of WebRTC four', async () => {
    for (const [most, change] of [
      [MAX_CALL, {}],
      [4, { canForward: () => false }],
    ] as const) {
      await using opened = await openRoom(change);
      for (let i = 0; i < most; i++) assert.equal(refusalOf(join(opened.room, `u${i + 10}`)), undefined);
      assert.equal(refusalOf(join(opened.room, 'u99')), 'call-full');
    }
  });

  test('eight cameras and screens are sent; who has too many may turn them off', async () => {
    await using opened = await openRoom();
    const { room } = opened;
    const people = Array.from({ length: MAX_CALL_PICTURES }, (_, i) => join(room, `u${i + 10}`, camera));
    const more = join(room, 'u50', camera);
    assert.equal(refusalOf(more), 'call-pictures');
    room.call.receive(more, { t: 'call-join', id: 'join-0002', ...voice });
    assert.equal(more.of('ack').length, 1, 'with the voice alone they join');
    room.call.receive(people[0]!, { t: 'call-media', id: 'media-001', microphone: true, camera: true, screen: true });
    assert.equal(refusalOf(people[0]!), 'call-pictures');
    room.call.receive(people[0]!, { t: 'call-media', id: 'media-002', ...voice });
    room.call.receive(more, { t: 'call-media', id: 'media-001', ...camera });
    assert.equal(more.of('ack').length, 2);
  });

  test('guests have no permission to talk by default; muted people are refused; calls can be turned off', async () => {
    let isOn = true;
    await using opened = await openRoom({ isOn: () => isOn });
    const { room, owner } = opened;
    const guest = aConnection(aUser('g1', 'guest'));
    room.enter(guest);
    room.call.receive(guest, { t: 'call-join', id: 'join-0001', ...voice });
    assert.equal(refusalOf(guest), 'room-forbidden');
    const ann = aConnection(aUser('u2'));
    room.enter(ann);
    await changeMember(room, owner, 'u2', { mutedUntilMs: 1e15 });
    room.call.receive(ann, { t: 'call-join', id: 'join-0001', ...voice });
    assert.equal(refusalOf(ann), 'room-muted');
    const talks = join(room, 'u4');
    isOn = false;
    assert.equal(refusalOf(join(room, 'u3')), 'call-off');
    room.tick();
    assert.deepEqual(talks.of('call-ended'), [{ t: 'call-ended', reason: 'stopped' }]);
    assert.equal(callOf(talks), null);
  });

  test('who is muted, loses the permission or is sent out, is removed from the call', async () => {
    await using opened = await openRoom();
    const { room, owner } = opened;
    const [muted, demoted, sentOut, stays] = ['u2', 'u3', 'u4', 'u5'].map((name) => join(room, name));
    await changeMember(room, owner, 'u2', { mutedUntilMs: 1e15 });
    await changeMember(room, owner, 'u3', { deny: maskOf(['talk']) });
    kick(room, owner, 'u4');
    for (const one of [muted!, demoted!]) {
      assert.deepEqual(one.of('call-ended'), [{ t: 'call-ended', reason: 'muted' }]);
    }
    assert.deepEqual(sentOut!.closed, ['kicked']);
    assert.deepEqual(
      callOf(stays!)?.participants.map(({ user }) => user),
      ['u5'],
    );
  });

  test('a recorder is named to everyone in the room, also who enters later, until they stop', async () => {
    await using opened = await openRoom();
    const { room } = opened;
    const recorder = aConnection(aUser('u2', 'admin'));
    const seat = room.enter(recorder);
    const ben = join(room, 'u3');
    seat.receive({ t: 'call-join', id: 'join-0001', ...voice });
    assert.deepEqual(recordersOf(ben), []);
    seat.receive({ t: 'call-media', id: 'media-001', ...camera, recording: true });
    assert.deepEqual(recordersOf(ben), [recorder.id]);
    const late = aConnection(aUser('u8'));
    room.enter(late);
    assert.deepEqual(
      late
        .of('welcome')[0]!
        .call?.participants.filter(({ recording }) => recording)
        .map(({ name }) => name),
      ['Name of u2'],
    );
    // What others send says nothing about it.
    room.call.receive(ben, { t: 'call-media', id: 'media-001', ...camera });
    assert.deepEqual(recordersOf(ben), [recorder.id]);
    seat.receive({ t: 'call-media', id: 'media-002', ...camera, recording: false });
    assert.deepEqual(recordersOf(ben), []);
    seat.receive({ t: 'call-media', id: 'media-003', ...camera, recording: true });
    // A client without the field does not record.
    seat.receive({ t: 'call-media', id: 'media-004', ...camera });
    assert.deepEqual(recordersOf(ben), []);
    assert.equal(recorder.of('refused').length, 0);
  });

  test('the recorder is not named any more when they leave, lose the connection, are muted or calls end', async () => {
    let isOn = true;
    await using opened = await openRoom({ isOn: () => isOn });
    const { room, owner } = opened;
    const watcher = join(room, 'u3');
    const record = () => {
      const peer = aConnection(aUser('u2', 'admin'));
      const seat = room.enter(peer);
      seat.receive({ t: 'call-join', id: 'join-0001', ...voice, recording: true });
      assert.deepEqual(recordersOf(watcher), [peer.id]);
      return { seat, peer };
    };
    record().seat.receive({ t: 'call-leave' });
    assert.deepEqual(recordersOf(watcher), []);
    record().seat.leave();
    assert.deepEqual(recordersOf(watcher), []);
    const { peer } = record();
    await changeMember(room, owner, 'u2', { mutedUntilMs: 1e15 });
    assert.deepEqual(recordersOf(watcher), []);
    assert.equal(peer.of('call-ended').length, 1);
    await changeMember(room, owner, 'u2', { mutedUntilMs: 0 });
    record();
    isOn = false;
    room.tick();
    assert.equal(callOf(watcher), null);
  });

  test('who may not create streams cannot record, and nothing changes', async () => {
    await using opened = await openRoom();
    const { room } = opened;
    const ann = join(room, 'u2', camera);
    room.call.receive(ann, { t: 'call-media', id: 'media-001', ...voice, recording: true });
    assert.equal(refusalOf(ann), 'call-record');
    assert.deepEqual(recordersOf(ann), []);
    assert.equal(callOf(ann)?.participants[0]?.camera, true);
    const ben = aConnection(aUser('u3'));
    room.enter(ben);
    room.call.receive(ben, { t: 'call-join', id: 'join-0001', ...voice, recording: true });
    assert.equal(refusalOf(ben), 'call-record');
    // Not before they are in the call.
    const chief = aConnection(aUser('u4', 'admin'));
    room.enter(chief);
    room.call.receive(chief, { t: 'call-media', id: 'media-001', ...voice, recording: true });
    assert.equal(refusalOf(chief), 'call-unknown');
    assert.deepEqual(
      callOf(ann)?.participants.map(({ user }) => user),
      ['u2'],
    );
  });

  test('an offer needs a participant of the same person, and a forwarded call', async () => {
    await using opened = await openRoom();
    const { room } = opened;
    const ann = join(room, 'u2');
    assert.throws(() => room.call.connect(ann.id, aUser('u3'), '', undefined), { code: 'call-unknown' });
    assert.throws(() => room.call.connect('p0', aUser('u2'), '', undefined), { code: 'call-unknown' });
    assert.throws(() => room.call.connect(ann.id, aUser('u2'), '', undefined), { code: 'call-direct' });
    for (const name of ['u4', 'u5', 'u6', 'u7']) join(room, name);
    assert.throws(() => room.call.connect(ann.id, aUser('u2'), 'no SDP', undefined), { code: 'bad-offer' });
    assert.throws(() => room.call.disconnect(ann.id, aUser('u3')), { code: 'call-unknown' });
  });
});
