import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import type { NewMail } from '../../accounts/mail/mail-queue.ts';
import type { WeeklyReport } from '../../api/reports/report-events.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { SentReports } from './report-table.ts';
import { sendReports } from './reporter.ts';
import type { ReportDay } from './settings.ts';

/** A Sunday evening. */
const START_MS = Date.parse('2026-03-01T20:00:00Z');
const HOUR_MS = 3_600_000;

const report: WeeklyReport = {
  from: '2026-02-23T00:00:00.000Z',
  to: '2026-03-02T00:00:00.000Z',
  sessions: 1234,
  watched: 321.5,
  before: { sessions: 1000, watched: 300 },
  peakViewers: 42.5,
  peakAt: '2026-02-28T19:00:00.000Z',
  startup: 1.25,
  stallRatio: 0.0123,
  streams: [{ stream: 'door', sessions: 1000, watched: 300 }],
  rewound: [{ stream: 'door', at: '2026-02-28T19:12:00.000Z', watched: 900 }],
};

/** Nodes with one database, on virtual time from a Sunday evening on. */
async function openNodes(change: { weekly?: ReportDay; language?: 'en' | 'zh' } = {}) {
  const time = openVirtualTime({ startMs: START_MS });
  const store = await openTemporaryStore();
  const mails: NewMail[] = [];
  const events: unknown[] = [];
  const failures: unknown[] = [];
  const running: { ends: AbortController; done: Promise<void> }[] = [];
  const rig = {
    time,
    mails,
    events,
    failures,
    settings: {
      now: {
        reports: {
          weekly: change.weekly ?? 'monday',
          hour: 8,
          mail: ['ann@example.org', 'ben@example.org'],
          mailLanguage: change.language ?? 'en',
        },
      },
    } as const,
    /** Called when a node reads the figures. */
    read: async (_signal: AbortSignal): Promise<WeeklyReport> => report,
    start() {
      const ends = new AbortController();
      const done = sendReports({
        settings: rig.settings,
        table: new SentReports(store.db),
        read: (_, signal) => rig.read(signal),
        mail: {
          queue: {
            add: async (mail) => mails.push(mail) > 0,
            forget: async () => {},
          },
          publicUrl: 'https://video.example.org',
        },
        events: { publish: (type, data) => void events.push([type, data]) },
        clock: time.clock,
        signal: ends.signal,
        failed: (error) => void failures.push(error),
      });
      const node = { ends, done };
      running.push(node);
      return {
        async stop() {
          ends.abort();
          await done;
        },
        /** Nothing waits for it any more. */
        kill: () => void running.splice(running.indexOf(node), 1),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const { ends } of running) ends.abort();
      await Promise.all(running.map(({ done }) => done));
      time[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
  return rig;
}

suite('the weekly report', () => {
  test('is sent once by two nodes, to each address and as an event', async () => {
    await using rig = await openNodes();
    rig.start();
    rig.start();
    await rig.time.runFor(11 * HOUR_MS);
    assert.deepEqual(rig.mails, [], 'not before its hour');
    await rig.time.runFor(2 * HOUR_MS);
    assert.deepEqual(
      rig.mails.map(({ to }) => to),
      ['ann@example.org', 'ben@example.org'],
    );
    assert.deepEqual(rig.events, [['report.weekly', report]]);
    await rig.time.runFor(24 * HOUR_MS);
    assert.equal(rig.mails.length, 2);
    assert.deepEqual(rig.failures, []);
  });

  test('is not sent again after a restart, and again after a week', async () => {
    await using rig = await openNodes();
    const before = rig.start();
    await rig.time.runFor(13 * HOUR_MS);
    await before.stop();
    rig.start();
    await rig.time.runFor(6 * HOUR_MS);
    assert.equal(rig.events.length, 1);
    rig.time.clock.advance(7 * 24 * HOUR_MS - 6 * HOUR_MS);
    await rig.time.runFor(HOUR_MS);
    assert.equal(rig.events.length, 2);
  });

  test('a node that ends while it reads leaves it to another one', async () => {
    await using rig = await openNodes();
    let begun = 0;
    rig.read = (signal) =>
      new Promise((resolve, reject) => {
        if (++begun > 1) resolve(report);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const first = rig.start();
    await rig.time.runFor(12 * HOUR_MS + 60_000);
    assert.equal(begun, 1);
    await first.stop();
    rig.start();
    await rig.time.runFor(600_000);
    assert.equal(rig.events.length, 1);
  });

  test('a node that was killed while it read is followed after ten minutes', async () => {
    await using rig = await openNodes();
    let begun = 0;
    rig.read = () => (++begun === 1 ? new Promise(() => {}) : Promise.resolve(report));
    const killed = rig.start();
    await rig.time.runFor(12 * HOUR_MS + 60_000);
    killed.kill();
    rig.start();
    await rig.time.runFor(5 * 60_000);
    assert.equal(rig.events.length, 0, 'the first one may still be sending');
    await rig.time.runFor(10 * 60_000);
    assert.equal(rig.events.length, 1);
  });

  test('figures that cannot be read are reported, and the report is sent later', async () => {
    await using rig = await openNodes();
    let tries = 0;
    rig.read = async () => {
      if (++tries < 3) throw new Error('the database is away');
      return report;
    };
    rig.start();
    await rig.time.runFor(13 * HOUR_MS);
    assert.equal(rig.failures.length, 2);
    assert.equal(rig.events.length, 1);
  });

  test('is off without a day', async () => {
    await using rig = await openNodes({ weekly: 'off' });
    rig.start();
    await rig.time.runFor(36 * HOUR_MS);
    assert.deepEqual([rig.mails, rig.events], [[], []]);
  });

  test('has the figures, in both languages', async () => {
    for (const [language, parts] of [
      ['en', ['1,234', '321.5', '+7%', '42.5', '1.3 s', '1.2%', 'door: 300 hours', '/watch/door?t=1772305920']],
      ['zh', ['1,234', '321.5', '+7%', '42.5', '1.3 秒', '1.2%', 'door：300 小时', '/watch/door?t=1772305920']],
    ] as const) {
      await using rig = await openNodes({ language });
      rig.start();
      await rig.time.runFor(13 * HOUR_MS);
      const { subject, text, html } = rig.mails[0]!.content;
      assert.match(subject, /video\.example\.org/);
      for (const part of parts) assert.ok(text.includes(part), `${part} in ${text}`);
      assert.ok(html.includes('https://video.example.org/admin/insight'));
    }
  });
});
