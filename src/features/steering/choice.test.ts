import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EdgeNow, orderEdges } from './choice.ts';
import { Places } from './places.ts';

const edge = (id: string, change: Partial<EdgeNow> = {}): EdgeNow => ({
  id,
  place: 0,
  weight: 100,
  load: 0.2,
  isDraining: false,
  isDead: false,
  ...change,
});

const viewer = (key: string, current?: string, turn = 0) => ({ key, current, turn });

/** How many of 2,000 viewers come to each edge first. */
function spread(edges: readonly EdgeNow[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const [first] = orderEdges(edges, viewer(`198.51.${i >> 8}.${i & 255}`));
    counts.set(first!, (counts.get(first!) ?? 0) + 1);
  }
  return counts;
}

test('an edge of the longest network of the viewer is first, then one for all, then one for others', () => {
  const edges = [edge('others', { place: -1 }), edge('all'), edge('wide', { place: 8 }), edge('near', { place: 24 })];
  assert.deepEqual(orderEdges(edges, viewer('10.1.2.3')), ['near', 'wide', 'all', 'others']);
});

test('a draining edge is after all that take viewers, and a dead one is last, however near they are', () => {
  const edges = [
    edge('dead', { place: 24, isDead: true }),
    edge('drains', { place: 24, isDraining: true }),
    edge('far', { place: -1 }),
  ];
  for (const current of [undefined, 'dead', 'drains', 'far']) {
    assert.deepEqual(orderEdges(edges, viewer('10.1.2.3', current)), ['far', 'drains', 'dead']);
  }
});

test('every edge is named, also where none is ready', () => {
  const edges = ['a', 'b', 'c'].map((id) => edge(id, { isDead: true }));
  assert.deepEqual(orderEdges(edges, viewer('x')).sort(), ['a', 'b', 'c']);
});

test('a viewer stays at its edge while that one is well', () => {
  const edges = ['a', 'b', 'c', 'd'].map((id) => edge(id, { load: id === 'c' ? 0.9 : 0.1 }));
  for (let i = 0; i < 200; i++) assert.equal(orderEdges(edges, viewer(`v${i}`, 'c', i))[0], 'c');
});

test('a full edge gets no further viewers', () => {
  assert.deepEqual(spread([edge('full', { load: 0.9 }), edge('free')]), new Map([['free', 2000]]));
});

test('about a tenth of the viewers of an overloaded edge leave it with each answer', () => {
  const edges = [edge('over', { load: 0.99 }), edge('free')];
  let leaving = 0;
  for (let i = 0; i < 2000; i++) if (orderEdges(edges, viewer(`v${i}`, 'over', i))[0] === 'free') leaving++;
  assert.ok(leaving > 120 && leaving < 290, `${leaving} of 2000 leave`);
});

test('viewers of one place are spread by weight and by free time', () => {
  const byWeight = spread([edge('large', { weight: 300 }), edge('small', { weight: 100 })]);
  assert.ok(
    Math.abs(byWeight.get('large')! - 1500) < 100,
    `${byWeight.get('large')} of 2000 at three times the weight`,
  );
  const byLoad = spread([edge('idle', { load: 0 }), edge('busy', { load: 0.75 })]);
  assert.ok(Math.abs(byLoad.get('idle')! - 1600) < 100, `${byLoad.get('idle')} of 2000 at four times the free time`);
});

test('when an edge dies only its own viewers move', () => {
  const edges = ['a', 'b', 'c'].map((id) => edge(id));
  const without = edges.map((each) => (each.id === 'b' ? { ...each, isDead: true } : each));
  for (let i = 0; i < 500; i++) {
    const [before] = orderEdges(edges, viewer(`v${i}`));
    const [after] = orderEdges(without, viewer(`v${i}`));
    if (before !== 'b') assert.equal(after, before);
    else assert.notEqual(after, 'b');
  }
});

test('the longest network that has an address counts', () => {
  const places = new Places(['10.0.0.0/8', '10.1.0.0/16', '2001:db8::/32', '192.0.2.7']);
  assert.equal(places.fit('10.1.2.3'), 16);
  assert.equal(places.fit('10.2.2.3'), 8);
  assert.equal(places.fit('192.0.2.7'), 32);
  assert.equal(places.fit('2001:db8::1'), 32);
  for (const other of ['11.0.0.1', '2001:db9::1', '', 'x', '10.1.2.3.4']) assert.equal(places.fit(other), -1);
  assert.equal(new Places([]).fit('anything'), 0);
  assert.equal(new Places(['0.0.0.0/0']).fit('8.8.8.8'), 1);
});

test('an edge for the country of a viewer is before one for all, and after one with its network', () => {
  const edges = [
    { id: 'all', places: new Places([]) },
    { id: 'german', places: new Places([], ['DE', 'AT']) },
    { id: 'near', places: new Places(['10.0.0.0/8'], ['FR']) },
  ];
  const orderFor = (address: string, country?: string) => {
    const now = edges.map(({ id, places }) => ({
      id,
      place: places.fit(address, country),
      weight: 100,
      load: 0,
      isDraining: false,
      isDead: false,
    }));
    return orderEdges(now, { key: address, current: undefined, turn: 0 });
  };
  assert.deepEqual(orderFor('10.1.1.1', 'DE'), ['near', 'german', 'all']);
  assert.deepEqual(orderFor('192.0.2.1', 'AT').slice(0, 2), ['german', 'all']);
  assert.deepEqual(orderFor('192.0.2.1', 'FR').slice(0, 2), ['near', 'all']);
  assert.equal(orderFor('192.0.2.1')[0], 'all', 'an unknown country');
});
