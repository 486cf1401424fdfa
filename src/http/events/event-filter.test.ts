import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import { type EventSubscriber, matches, readFilter } from './event-filter.ts';

const told = (audience: PublishedEvent['audience'], stream: string | null): PublishedEvent => ({
  event: { id: '1', type: 'server.ending', at: '', stream, data: {} },
  audience,
  json: '',
});
const ended = () => undefined;
const nobody: EventSubscriber = { isAdmin: false, principal: '', owner: '', sees: () => false, ended };
const ofDoor: EventSubscriber = {
  isAdmin: false,
  principal: '',
  owner: '',
  sees: (stream) => stream === 'door',
  ended,
};
const viewer: EventSubscriber = { isAdmin: false, principal: '', owner: '', sees: () => true, ended };
const admin: EventSubscriber = { isAdmin: true, principal: 'admin', owner: '', sees: () => true, ended };

test('a permission for one stream or for all gives their events, and none for administrators', () => {
  const all = readFilter({}, undefined);
  const open = () => false;
  const heard = (audience: PublishedEvent['audience'], stream: string | null, isPrivate = open) =>
    [nobody, ofDoor, viewer, admin].map((subscriber) =>
      matches(told(audience, stream), all, subscriber, { isPrivate, isLimited: () => false }),
    );
  assert.deepEqual(heard('anyone', null), [true, true, true, true]);
  assert.deepEqual(heard('admin', null), [false, false, false, true]);
  assert.deepEqual(heard('public', 'door'), [true, true, true, true]);
  assert.deepEqual(heard('unlisted', 'door'), [false, true, true, true]);
  assert.deepEqual(heard('private', 'door'), [false, true, true, true]);
  assert.deepEqual(heard('private', 'other'), [false, false, true, true]);
  assert.deepEqual(
    heard('public', 'other', () => true),
    [false, false, true, true],
  );
});

test('an event with an owner is for the owner and administrators', () => {
  const data = { id: 'a', title: '', state: 'ready', visibility: 'public', owner: 'token:a', trash: false };
  const published: PublishedEvent = {
    event: { id: '1', type: 'asset.ready', at: '', stream: null, data },
    audience: 'owner',
    json: '',
  };
  const subscribers = [nobody, viewer, { ...nobody, principal: 'token:a' }, { ...viewer, principal: 'token:b' }, admin];
  const all = readFilter({}, undefined);
  assert.deepEqual(
    subscribers.map((subscriber) =>
      matches(published, all, subscriber, { isPrivate: () => false, isLimited: () => false }),
    ),
    [false, false, true, false, true],
  );
});

test('the header of a browser that reconnects overrides the query, and an empty one is ignored', () => {
  assert.equal(readFilter({ after: 'a' }, 'b').after, 'b');
  assert.equal(readFilter({ after: 'a' }, '').after, 'a');
  assert.equal(readFilter({}, undefined).after, undefined);
});

test('types are names or prefixes with .*; unknown ones are refused', () => {
  assert.deepEqual(
    [...readFilter({ types: 'pin.*,disk.ok' }, undefined).types!],
    ['pin.added', 'pin.removed', 'disk.ok'],
  );
  for (const types of ['', 'stream', 'stream.gap,', 'job.*x']) {
    assert.throws(() => readFilter({ types }, undefined), { code: 'bad-request' }, types);
  }
});
