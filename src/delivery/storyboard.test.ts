import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MemorySegmentStore } from '../archive/memory-segment-store.fixture.ts';
import { Storyboards } from '../recording/storyboard/storyboards.ts';
import type { Reply } from './reply.ts';
import type { ServedStream } from './served-stream.ts';
import { answerSmallStill, answerStoryboard } from './storyboard.ts';

/** A ten-minute mark, seconds since 1970. */
const MARK_S = 1_795_000_200;
const textOf = (reply: Reply) => Buffer.from(reply.body[0] as Uint8Array).toString();
const refusal = (code: string) => ({ name: 'OxbowError', code });

/** A stream with pictures at these seconds after the mark, complete until then. */
async function openStream(seconds: readonly number[], settledS = 1e9): Promise<ServedStream> {
  const storyboards = new Storyboards(new MemorySegmentStore());
  for (const s of seconds) {
    const atUs = Math.round((MARK_S + s) * 1e6);
    await storyboards.append('s', { atUs, reachMs: 12_000, jpeg: Uint8Array.of(0xff, 0xd8, s, 0xff, 0xd9) });
  }
  const settled = (us: number) => us <= (MARK_S + settledS) * 1e6;
  const recording = { storyboard: storyboards.reader('s') };
  return { name: 'door', recording, settled } as unknown as ServedStream;
}

suite('the small pictures of a recording', () => {
  test('are listed with relative addresses; a gap has no picture', async () => {
    const stream = await openStream([0.5, 10, 20, 200]);
    const from = String(MARK_S + 5);
    assert.equal(
      textOf(await answerStoryboard(stream, { from, to: '5m' })),
      [
        'WEBVTT',
        `00:00:00.000 --> 00:00:05.000\n../../small/${MARK_S}.jpg`,
        `00:00:05.000 --> 00:00:15.000\n../../small/${MARK_S + 10}.jpg`,
        `00:00:15.000 --> 00:00:27.000\n../../small/${MARK_S + 20}.jpg`,
        `00:03:15.000 --> 00:03:27.000\n../../small/${MARK_S + 200}.jpg\n`,
      ].join('\n\n'),
    );
    assert.equal(textOf(await answerStoryboard(stream, { from: '1600000000', to: '26h' })), 'WEBVTT\n');
    await assert.rejects(answerStoryboard(stream, { from, to: '26h1s' }), refusal('window-too-long'));
    await assert.rejects(answerStoryboard(stream, { from: 'x', to: '1h' }), refusal('bad-time'));
  });

  test('are kept for a day once they cannot be another one', async () => {
    const stream = await openStream([0, 20], 30);
    const at = async (s: number, nowS = 1000) => {
      const { cacheControl, body } = await answerSmallStill(stream, String(MARK_S + s), (MARK_S + nowS) * 1e6);
      return [(body[0] as Uint8Array)[2], cacheControl.includes('immutable')];
    };
    assert.deepEqual(await at(9, 9), [0, true], 'ten seconds with a picture of their own');
    assert.deepEqual(await at(10), [0, true], 'complete, and without one');
    assert.deepEqual(await at(10, 21), [0, false]);
    assert.deepEqual(await at(30), [20, false], 'media may still come');
    await assert.rejects(at(40), refusal('no-media'));
  });

  test('are absent where a recording has none', async () => {
    const stream = { name: 'door', recording: {}, settled: () => true } as unknown as ServedStream;
    await assert.rejects(answerSmallStill(stream, String(MARK_S), 0), refusal('no-media'));
    assert.equal(textOf(await answerStoryboard(stream, { from: String(MARK_S), to: '1h' })), 'WEBVTT\n');
  });
});
