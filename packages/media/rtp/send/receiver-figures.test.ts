import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseRtcp, printReceiverReport, printSenderReport, type ReceptionReport } from '../rtcp.ts';
import { CongestionWatch } from './congestion.ts';
import { ReceiverFigures } from './receiver-figures.ts';

const UTC_MS = 1_790_000_000_500;
const good: ReceptionReport = {
  ssrc: 7,
  lossRate: 0,
  lost: 0,
  highestSequence: 0,
  jitter: 0,
  lastReport: 0,
  delay: 0,
};
const report = (change: Partial<ReceptionReport>) => ({
  ...({ type: 'receiverReport', ssrc: 1, reports: [{ ...good, ...change }] } as const),
});

suite('figures of a viewer', () => {
  test('loss, jitter and bandwidth are those of its last report; other sources are ignored', () => {
    const figures = new ReceiverFigures(7, 90_000);
    figures.push(report({ lossRate: 0.125, lost: 30, jitter: 900 }), UTC_MS);
    figures.push(report({ ssrc: 8, lossRate: 0.5, lost: 90 }), UTC_MS);
    figures.push({ type: 'bandwidth', bitrate: 2_000_000 }, UTC_MS);
    figures.push({ type: 'pictureLoss', source: 7 }, UTC_MS);
    const { lossRate, lost, jitterMs, bitrate, roundTripMs, reports } = figures;
    assert.deepEqual(
      { lossRate, lost, jitterMs, bitrate, roundTripMs, reports },
      { lossRate: 0.125, lost: 30, jitterMs: 10, bitrate: 2_000_000, roundTripMs: undefined, reports: 1 },
    );
  });

  test('the round trip is measured from a sender report to its answer, without the time at the viewer', () => {
    const figures = new ReceiverFigures(7, 90_000);
    const printed = printSenderReport({ ssrc: 7, utcMs: UTC_MS, timestamp: 1, packets: 1, bytes: 1 }, 'oxbow');
    const [sent] = parseRtcp(printed);
    assert.ok(sent?.type === 'senderReport');
    const answer = { ...good, lastReport: sent.ntpMiddle, delay: 65_536 / 4 };
    const [received] = parseRtcp(printReceiverReport(1, [answer], 'viewer'));
    figures.push(received!, UTC_MS + 250 + 80);
    assert.ok(Math.abs(figures.roundTripMs! - 80) < 0.1, String(figures.roundTripMs));
    figures.push(received!, UTC_MS + 250 + 160);
    assert.ok(Math.abs(figures.roundTripMs! - 100) < 0.1, String(figures.roundTripMs));
    assert.ok(Math.abs(figures.leastRoundTripMs! - 80) < 0.1);
  });

  test('answers to reports that were never sent change nothing', () => {
    const figures = new ReceiverFigures(7, 90_000);
    for (const lastReport of [1, 0x7fff_ffff, 0xffff_ffff]) figures.push(report({ lastReport }), UTC_MS);
    assert.equal(figures.roundTripMs, undefined);
  });
});

suite('congestion', () => {
  const watch = (changes: readonly Partial<ReceptionReport>[], bitrate?: number) => {
    const figures = new ReceiverFigures(7, 90_000);
    const congestion = new CongestionWatch();
    if (bitrate !== undefined) figures.push({ type: 'bandwidth', bitrate }, UTC_MS);
    return changes.map((change, second) => {
      figures.push(report(change), UTC_MS);
      const result = congestion.shouldDrop(figures, 3_000_000, second * 1000);
      assert.equal(congestion.shouldDrop(figures, 3_000_000, second * 1000), false, 'one answer for each report');
      return result;
    });
  };
  const times = (count: number, change: Partial<ReceptionReport>) => new Array<typeof change>(count).fill(change);

  test('random loss of 10 % is no congestion', () => {
    assert.ok(!watch(times(20, { lossRate: 0.1 }), 3_000_000).includes(true));
  });

  test('three reports with high loss are, and after a drop the connection has three seconds to recover', () => {
    const result = watch(times(10, { lossRate: 0.5 }));
    assert.deepEqual(result.map(Number), [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]);
  });

  test('a good report begins the count again', () => {
    const bad = times(2, { lossRate: 0.5 });
    assert.ok(!watch([...bad, {}, ...bad, {}, ...bad]).includes(true));
  });

  test('a bandwidth far below the bitrate is congestion, slightly below it is not', () => {
    assert.equal(watch(times(3, {}), 1_000_000).at(-1), true);
    assert.equal(watch(times(3, {}), 2_500_000).at(-1), false);
  });
});
