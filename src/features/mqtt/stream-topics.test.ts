import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandedStream, commandFilter, messagesOf, removalOf, type TopicNames } from './stream-topics.ts';

const names: TopicNames = {
  prefix: 'oxbow',
  discovery: 'homeassistant',
  node: '',
  commands: true,
  motion: true,
  publicUrl: undefined,
};
const view = {
  name: 'door',
  title: '',
  state: 'waiting',
  problem: 'no answer',
  record: true,
  liveSince: null,
} as const;
const facts = { view, motion: undefined, clip: undefined };

test('a removal deletes every topic that a stream may have', () => {
  const clip = { id: 'c1', title: 'A goal', createdAt: '2026-11-30T01:00:00.000Z' };
  const sent = [...messagesOf({ view, motion: true, clip }, names).keys()].sort();
  const removal = removalOf('door', names);
  assert.deepEqual([...removal.keys()].sort(), sent);
  assert.ok([...removal.values()].every((payload) => payload === ''));
});

test('what is switched off is not announced', () => {
  const components = (more: Partial<TopicNames>) => {
    const messages = messagesOf(facts, { ...names, ...more });
    return JSON.parse(messages.get('homeassistant/device/oxbow_door/config')!).components;
  };
  assert.equal(components({}).record.platform, 'switch');
  assert.equal(components({ commands: false }).record.platform, 'binary_sensor');
  assert.equal(components({ commands: false }).record.command_topic, undefined);
  assert.equal(components({ motion: false }).motion, undefined);
  assert.equal(messagesOf(facts, { ...names, motion: false }).has('oxbow/streams/door/motion'), false);
});

test('each node has a topic that says whether it is there', () => {
  const device = (node: string) =>
    JSON.parse(messagesOf(facts, { ...names, node }).get('homeassistant/device/oxbow_door/config')!);
  assert.equal(device('').availability_topic, 'oxbow/status');
  assert.equal(device('b').availability_topic, 'oxbow/nodes/b/status');
});

test('a command is for a stream of this server only', () => {
  assert.equal(commandFilter('oxbow'), 'oxbow/streams/+/record/set');
  assert.equal(commandedStream('oxbow/streams/door/record/set', 'oxbow'), 'door');
  for (const topic of [
    'other/streams/door/record/set',
    'oxbow/streams/door/record',
    'oxbow/streams/door/record/set/x',
  ]) {
    assert.equal(commandedStream(topic, 'oxbow'), undefined);
  }
});
