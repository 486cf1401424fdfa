import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { WatchHeat } from '../../api/insight/insight-shapes.ts';
import { asAdmin, shareTestServer, streamView } from '../../http/fixture.ts';
import { createManualClock } from '../../lib/clock.ts';
import { rewound } from './feature.ts';
import { ShownHeat } from './shown-heat.ts';

const at = (second: number) => new Date(1_795_075_200_000 + second * 1000).toISOString();
const heat: WatchHeat = {
  from: at(0),
  to: at(60),
  step: 5,
  items: [
    { at: at(5), watched: 90, left: 2 },
    { at: at(10), watched: 0, left: 7 },
    { at: at(20), watched: 120, left: 0 },
  ],
  most: [],
};
const shares = {
  from: at(0),
  to: at(60),
  step: 5,
  items: [
    { at: at(5), share: 0.75 },
    { at: at(20), share: 1 },
  ],
};

/** Insight that counts its queries. */
function countedInsight() {
  const insight = {
    asked: [] as unknown[],
    fails: false,
    heat: async (...query: unknown[]) => {
      insight.asked.push(query);
      if (insight.fails) throw new Error('the database is away');
      return heat;
    },
  };
  return insight;
}

suite('what was watched again', () => {
  const insight = countedInsight();
  const server = shareTestServer(
    () => ({ features: new Map([['rewound', new ShownHeat(() => insight, createManualClock())]]) }),
    { routes: rewound.routes },
  );
  const ask = (name: string, headers: Record<string, string> = {}) =>
    fetch(`${server().url}/api/v1/streams/${name}/rewound?from=1795075200&to=1795075260&res=5`, { headers });

  test('an administrator sees shares, without figures of the audience', async () => {
    const answer = await ask('public', asAdmin);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), shares);
    const range = { fromMs: 1_795_075_200_000, toMs: 1_795_075_260_000 };
    assert.deepEqual(insight.asked.at(-1), ['public', range, 5, 1]);
  });

  test('a viewer sees them only of a stream that shows them', async () => {
    assert.equal((await ask('public')).status, 404);
    const { streams } = server().deps;
    const { get } = streams;
    streams.get = async () => ({ ...streamView('public'), showRewound: true });
    try {
      const answer = await ask('public');
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), shares);
    } finally {
      streams.get = get;
    }
  });

  test('under rules for the past a viewer sees only those of the visible part, an administrator all', async () => {
    const { deps } = server();
    const { streams, clock } = deps;
    const { get, pastRulesOf } = streams;
    streams.get = async () => ({ ...streamView('public'), showRewound: true });
    streams.pastRulesOf = () => ({ start: 1_795_075_201_000 });
    const whole = { fromMs: 1_795_075_200_000, toMs: 1_795_075_260_000 };
    try {
      Object.assign(deps, { clock: { ...clock, nowMs: () => whole.toMs } });
      assert.equal((await ask('public')).status, 200);
      assert.deepEqual(insight.asked.at(-1), ['public', { ...whole, fromMs: 1_795_075_230_000 }, 5, 1]);
      const count = insight.asked.length;
      assert.equal((await ask('public', asAdmin)).status, 200);
      assert.equal(insight.asked.length, count, 'the kept answer for all of the range');
      streams.pastRulesOf = () => ({ start: 'mark' });
      const refused = (await (await ask('public')).json()) as { code: string };
      assert.equal(refused.code, 'not-started');
    } finally {
      Object.assign(streams, { get, pastRulesOf });
      Object.assign(deps, { clock });
    }
  });

  test('a private stream does not differ from one that does not exist', async () => {
    const [hidden, none] = await Promise.all([ask('private'), ask('none')]);
    assert.deepEqual([hidden.status, none.status], [404, 404]);
    assert.equal(((await hidden.json()) as { code: string }).code, 'stream-unknown');
  });
});

suite('answers that are kept', () => {
  const range = { fromMs: 0, toMs: 60_000 };

  test('many viewers cause one query in half a minute', async () => {
    const [clock, insight] = [createManualClock(), countedInsight()];
    const shown = new ShownHeat(() => insight, clock);
    await Promise.all(Array.from({ length: 50 }, () => shown.read('cam', range, 5)));
    assert.equal(insight.asked.length, 1);
    await shown.read('cam', range, 10);
    assert.equal(insight.asked.length, 2, 'another step is another answer');
    clock.advance(30_000);
    await shown.read('cam', range, 5);
    assert.equal(insight.asked.length, 3);
  });

  test('a failure is not kept', async () => {
    const insight = countedInsight();
    const shown = new ShownHeat(() => insight, createManualClock());
    insight.fails = true;
    await assert.rejects(shown.read('cam', range, 5), /the database is away/);
    insight.fails = false;
    assert.equal((await shown.read('cam', range, 5)).items.length, 2);
  });

  test('their number has a bound', async () => {
    const insight = countedInsight();
    const shown = new ShownHeat(() => insight, createManualClock());
    for (let i = 0; i <= 200; i++) await shown.read(`cam${i}`, range, 5);
    await shown.read('cam0', range, 5);
    assert.equal(insight.asked.length, 202, 'the oldest was dropped');
    await shown.read('cam200', range, 5);
    assert.equal(insight.asked.length, 202, 'the newest is kept');
  });
});
