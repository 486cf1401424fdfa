import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { createMetrics } from '../../observe/metrics.ts';
import { Collector, type ReportSender } from './collector.ts';
import type { ReportedBy } from './play-session.ts';
import { readNamed, WatchedFinder } from './watched.ts';

function setUp({ isOn = true } = {}) {
  const clock = { ms: 0 };
  const reported: ReportedBy[] = [];
  const queried: string[] = [];
  const metrics = createMetrics();
  const collector = new Collector({
    sessions: {
      report(by) {
        reported.push(by);
        return true;
      },
    },
    finder: new WatchedFinder({
      nowMs: () => clock.ms,
      async streamId(name) {
        queried.push(name);
        return name === 'door' || name === 'closed' ? `${name}-id` : undefined;
      },
      hasAsset: async (id) => id === 'film',
    }),
    metrics,
    nowMs: () => clock.ms,
    isOn: () => isOn,
    edges: () => new Set(['eu.example']),
  });
  const sender = (more: Partial<ReportSender> = {}): ReportSender => ({
    client: { address: '192.0.2.1', isLocal: false },
    country: 'DE',
    ownHosts: ['tv.example:8080'],
    isOptedOut: false,
    mayWatch: ({ name }) => name !== 'closed',
    ...more,
  });
  return { clock, collector, reported, queried, sender };
}

suite('the collector of CMCD', () => {
  test('what is watched is a name, an asset or an address, by the report or by the address of the request', async () => {
    const { collector, reported, sender } = setUp();
    const lines = [
      'cid="door",sid="a"',
      'cid="asset:film",sid="b"',
      'cid="https://tv.example/live/door/index.m3u8?x=1",sid="c"',
      'cid="/assets/film/index.mpd",sid="d"',
      'cid="/vod/door/20231114220000/20231114230000/index.m3u8",sid="e"',
      'sid="f",url="https://cdn.example/live/door/av0/1.m4s"',
      'sid="g"',
    ];
    assert.equal(await collector.take(lines, sender(), 'event', 'door'), 7);
    assert.deepEqual(
      reported.map(({ content: { kind, id } }) => `${kind} ${id}`),
      [
        'stream door-id',
        'asset film',
        'stream door-id',
        'asset film',
        'stream door-id',
        'stream door-id',
        'stream door-id',
      ],
    );
    assert.equal(reported[4]!.windowMs, Date.UTC(2023, 10, 14, 22));
  });

  test('a report to the address of a stream is about that stream, whatever it says', async () => {
    const { collector, reported, sender } = setUp();
    await collector.take(['cid="asset:film",sid="a"'], sender(), 'report', 'door');
    assert.equal(reported[0]!.content.id, 'door-id');
  });

  test('edges are those of the settings, this server, or other; the country is that of the client', async () => {
    const { collector, reported, sender } = setUp();
    const hosts = ['eu.example', 'EU.example:443', 'tv.example', 'tv.example:8080', 'evil.example'];
    await collector.take(
      [...hosts.map((h, i) => `cid="door",h="${h}",sid="${i}"`), 'cid="door",sid="x"'],
      sender(),
      'event',
    );
    assert.deepEqual(
      reported.map(({ edge }) => edge),
      ['eu.example', 'eu.example', '', '', 'other', ''],
    );
    assert.ok(reported.every(({ country }) => country === 'DE'));
  });

  test('nothing is taken of who opted out, of what may not be watched, and while it is off', async () => {
    const { collector, reported, sender } = setUp();
    await collector.take(['cid="door",sid="a"'], sender({ isOptedOut: true }), 'event');
    await collector.take(['cid="closed",sid="a"', 'cid="none",sid="a"', 'sid="a"'], sender(), 'event');
    const off = setUp({ isOn: false });
    await off.collector.take(['cid="door",sid="a"'], off.sender(), 'event');
    assert.deepEqual([...reported, ...off.reported], []);
  });

  test('lines that are no CMCD are passed over; a body of nothing else has none', async () => {
    const { collector, reported, sender } = setUp();
    assert.equal(await collector.take(['<html>', 'cid="door",sid="a"', 'e=t'], sender(), 'event'), 2);
    assert.equal(reported.length, 1);
    assert.equal(await collector.take(['<html>'], sender(), 'event'), 0);
  });

  test('players behind one address that report one name which is gone do not hide a stream that is there', async () => {
    const { collector, reported, queried, sender } = setUp();
    const gone = Array.from({ length: 500 }, (_, at) => `cid="gone",sid="s${at}"`);
    await collector.take(gone, sender(), 'event');
    await collector.take(
      Array.from({ length: 500 }, () => 'sid="nothing-named"'),
      sender(),
      'event',
    );
    await collector.take(['cid="door",sid="a"'], sender(), 'event');
    assert.deepEqual([queried, reported.length], [['gone', 'door'], 1]);
  });

  test('made-up names are looked up once, and reports beyond the bound of an address are not parsed', async () => {
    const { collector, reported, queried, sender, clock } = setUp();
    const lines = Array.from({ length: 500 }, () => 'cid="none",sid="a"');
    for (let i = 0; i < 61; i++) await collector.take(lines, sender(), 'event');
    assert.deepEqual(queried, ['none']);
    await collector.take(['cid="door",sid="a"'], sender(), 'event');
    assert.equal(reported.length, 0, 'the bound of the minute');
    await collector.take(['cid="door",sid="b"'], sender({ client: { address: '192.0.2.2', isLocal: false } }), 'event');
    assert.equal(reported.length, 1, 'another address');
    clock.ms += 60_000;
    await collector.take(['cid="door",sid="a"'], sender(), 'event');
    assert.equal(reported.length, 2, 'the next minute');
  });

  test('a client that makes up names takes no turn of others, and nothing of what is known', async () => {
    const { collector, reported, queried, sender, clock } = setUp();
    const friend = sender({ client: { address: '192.0.2.2', isLocal: false } });
    await collector.take(['cid="door",sid="a"'], friend, 'event');
    for (let i = 0; i < 40; i++) {
      const made = Array.from({ length: 500 }, (_, at) => `cid="made-up-${i * 500 + at}",sid="a"`);
      await collector.take(made, sender(), 'event');
    }
    assert.equal(queried.length, 1 + 200, 'further names of this minute are not looked for');
    await collector.take(['cid="door",sid="b"'], sender(), 'event');
    assert.equal(reported.length, 2, 'what exists is still known, also to that client');
    clock.ms += 40_000;
    await collector.take(['cid="door",sid="c"'], friend, 'event');
    assert.deepEqual([queried.at(-1), reported.length], ['door', 3]);
  });

  test('texts that name nothing are no names', () => {
    for (const text of [
      '',
      'Door',
      'asset:',
      'asset:../x',
      '/watch/door',
      'https://',
      'http://[',
      '/live//index.m3u8',
      '\0',
    ]) {
      assert.doesNotThrow(() => readNamed(text), FormatError);
      assert.equal(readNamed(text), undefined, text);
    }
  });
});
