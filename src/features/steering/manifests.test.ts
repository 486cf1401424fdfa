import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signReport } from '../../edge/steering/edge-report.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { EdgeStates } from './edge-states.ts';
import { Manifests } from './manifests.ts';
import { SteeringControl } from './steering-control.ts';
import { readSteeringQuery } from './steering-query.ts';

const TOKEN = 'token of edges and origin';
const pathways = {
  eu: { url: 'https://eu.example', networks: ['10.0.0.0/8'], countries: ['DE'], weight: 100 },
  us: { url: 'https://us.example', networks: [], countries: [], weight: 100 },
};

interface Manifest {
  readonly VERSION: number;
  readonly TTL: number;
  readonly 'RELOAD-URI': string;
  readonly 'PATHWAY-PRIORITY': readonly string[];
}

function setUp({ server, targetS = 2 }: { server?: string; targetS?: number | undefined } = {}) {
  const clock = { now: 1_700_000_000_000, nowMs: () => clock.now, monotonicMs: () => clock.now };
  const states = new EdgeStates(Object.keys(pathways), clock);
  const metrics = createMetrics();
  const passed: number[] = [];
  const control = new SteeringControl({
    pathways,
    states,
    passed: { pass: (report) => passed.push(report.at) },
    token: () => TOKEN,
    metrics,
  });
  const manifests = new Manifests({
    pathways,
    steering: { pathways: Object.entries(pathways).map(([id, { url }]) => ({ id, url })), server, needsToken: false },
    states,
    ttlMs: () => 5000,
    targetDurationS: () => targetS,
    answered() {},
  });
  const ask = (
    query = '',
    {
      address = '10.1.2.3',
      country,
      origin,
      token,
    }: { address?: string; country?: string; origin?: string; token?: string } = {},
  ) =>
    JSON.parse(
      manifests.manifest({ stream: 'door', query: new URLSearchParams(query), address, country, origin, token }),
    ) as Manifest;
  const report = (change: object = {}) =>
    control.reported(
      signReport({ pathway: 'eu', at: clock.now, load: 0.2, connections: 7, draining: false, ...change }, TOKEN),
    );
  return { clock, states, control, passed, ask, report };
}

test('a manifest has the edges for the place of the viewer, then the place of the playlist', () => {
  const { ask } = setUp({ server: 'https://tv.example' });
  assert.deepEqual(ask(), {
    VERSION: 1,
    TTL: 2,
    'RELOAD-URI': 'https://tv.example/live/door/steering.json',
    'PATHWAY-PRIORITY': ['eu', 'us', 'here'],
  });
  assert.deepEqual(ask('', { address: '11.0.0.1' })['PATHWAY-PRIORITY'], ['us', 'eu', 'here']);
  const german = ask('', { address: '11.0.0.1', country: 'DE' });
  assert.deepEqual(german['PATHWAY-PRIORITY'], ['eu', 'us', 'here'], 'by its country');
});

test('the edge next to which the playlist is has the name `here`, also when it is asked elsewhere later', () => {
  const { ask } = setUp({ server: 'https://tv.example' });
  const first = ask('_HLS_pathway=here', { origin: 'https://EU.example:443' });
  assert.deepEqual(first['PATHWAY-PRIORITY'], ['here', 'us']);
  const { search } = new URL(first['RELOAD-URI']);
  assert.equal(search, '?here=eu');
  assert.deepEqual(ask(search.slice(1), { origin: 'https://tv.example' })['PATHWAY-PRIORITY'], ['here', 'us']);
});

test('players of DASH, whose manifest may come from another edge later, get the name of each edge', () => {
  const { ask } = setUp({ server: 'https://tv.example' });
  const first = ask('format=dash', { origin: 'https://eu.example' });
  assert.deepEqual(first['PATHWAY-PRIORITY'], ['eu', 'us', 'here']);
  assert.equal(new URL(first['RELOAD-URI']).search, '?format=dash&here=eu');
});

test('the address of the next manifest has the playback token', () => {
  const { ask } = setUp();
  assert.equal(ask('', { token: 'abc' })['RELOAD-URI'], '/t/abc/live/door/steering.json');
});

test('players ask again within one target duration, and not more than once a second', () => {
  assert.equal(setUp({ targetS: 0.5 }).ask().TTL, 1);
  assert.equal(setUp({ targetS: 60 }).ask().TTL, 5);
  assert.equal(setUp({ targetS: undefined }).ask().TTL, 2);
});

test('an edge that reports that it drains gets no viewers, until it reports otherwise', () => {
  const { clock, ask, report, control } = setUp();
  report({ draining: true });
  assert.deepEqual(ask('_HLS_pathway=eu')['PATHWAY-PRIORITY'], ['us', 'eu', 'here']);
  assert.equal(control.list()[0]!.state, 'draining');
  clock.now += 3000;
  report();
  assert.deepEqual(ask()['PATHWAY-PRIORITY'], ['eu', 'us', 'here']);
});

test('an edge that reports well and does not answer is dead until it answers', () => {
  const { ask, report, states } = setUp();
  report({ load: 0 });
  assert.equal(states.probed('eu', 'silent'), false);
  assert.deepEqual(ask()['PATHWAY-PRIORITY'], ['eu', 'us', 'here'], 'one lost probe is no death');
  assert.equal(states.probed('eu', 'silent'), true);
  assert.deepEqual(ask('_HLS_pathway=eu')['PATHWAY-PRIORITY'], ['us', 'eu', 'here']);
  assert.equal(states.probed('eu', 'ready'), true);
  assert.deepEqual(ask()['PATHWAY-PRIORITY'], ['eu', 'us', 'here']);
});

test('a report counts for fifteen seconds', () => {
  const { clock, control, report } = setUp();
  report({ load: 0.5, draining: true });
  clock.now += 14_999;
  assert.deepEqual([control.list()[0]!.load, control.list()[0]!.connections], [0.5, 7]);
  clock.now += 1;
  assert.deepEqual([control.list()[0]!.load, control.list()[0]!.state], [null, 'up']);
});

test('a report that is forged, repeated, old or of an unknown edge is refused', () => {
  const { clock, control, report } = setUp();
  report();
  const refused = { code: 'edge-report-refused' };
  assert.throws(() => report(), refused, 'repeated');
  clock.now += 1000;
  assert.throws(() => report({ pathway: 'mars' }), refused);
  assert.throws(() => report({ at: clock.now - 61_000 }), refused);
  assert.throws(() => report({ at: clock.now + 61_000 }), refused);
  const signed = signReport({ pathway: 'eu', at: clock.now, load: 1, connections: 0, draining: false }, TOKEN);
  for (const forged of [{ load: 0 }, { draining: true }, { connections: 1 }, { signature: '' }, { pathway: 'us' }])
    assert.throws(() => control.reported({ ...signed, ...forged }), refused);
  control.reported(signed);
});

test('a report is passed on once, and one that was passed on is not, in any order', () => {
  const { clock, control, passed, report } = setUp();
  report();
  assert.deepEqual(passed, [clock.now]);
  const older = signReport({ pathway: 'eu', at: clock.now + 1, load: 1, connections: 0, draining: true }, TOKEN);
  const newer = signReport({ pathway: 'eu', at: clock.now + 2, load: 0.5, connections: 9, draining: false }, TOKEN);
  for (const each of [newer, older, newer]) control.reported(each, { isPassed: true });
  assert.equal(passed.length, 1);
  assert.deepEqual([control.list()[0]!.state, control.list()[0]!.connections], ['up', 9]);
  assert.throws(() => control.reported({ ...older, load: 0 }, { isPassed: true }), { code: 'edge-report-refused' });
});

test('players of DASH say where they are in quotes, the newest last', () => {
  const known = new Set(['eu', 'us']);
  const read = (query: string) => readSteeringQuery(new URLSearchParams(query), known);
  assert.deepEqual(read('_DASH_pathway="eu,us"&_DASH_throughput=1,2'), {
    current: 'us',
    here: undefined,
    isDash: true,
  });
  assert.deepEqual(read('_DASH_pathway="here"&here=eu'), { current: 'eu', here: 'eu', isDash: true });
  assert.equal(read('format=dash').isDash, true, 'the first request of some says nothing else');
  assert.deepEqual(read('_HLS_pathway=us&_HLS_throughput=9'), { current: 'us', here: undefined, isDash: false });
});

test('no query breaks a manifest: it names every edge once, and nothing of the query', () => {
  const { ask } = setUp();
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const pieces = [
    '_HLS_pathway',
    '_DASH_pathway',
    'here',
    '=',
    '&',
    '"',
    ',',
    'eu',
    'us',
    'mars',
    '%',
    '%00',
    '__proto__',
    '\n',
    'é',
    '+',
    'x'.repeat(5000),
  ];
  for (let i = 0; i < 3000; i++) {
    const query = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
    try {
      const manifest = ask(query, { address: query, origin: random(2) === 0 ? query : undefined } as never);
      const names = manifest['PATHWAY-PRIORITY'];
      assert.equal(new Set(names).size, names.length);
      assert.ok(names.every((name) => ['eu', 'us', 'here'].includes(name)));
      assert.ok(names.length >= 2 && names.includes('here'));
      assert.match(manifest['RELOAD-URI'], /^\/live\/door\/steering\.json(\?(format=dash)?&?(here=(eu|us))?)?$/);
    } catch (error) {
      assert.ok(error instanceof OxbowError, `${JSON.stringify(query)}: ${error}`);
      throw error;
    }
  }
});
