/**
 * The server of `bench encryption`: live streams at their pace, served over HTTP, clear or encrypted.
 * In: number of streams, kbit/s of each, `--encrypted`. Out: a line of JSON with its address.
 */
import { join } from 'node:path';
import { openLocalSegmentStore } from '../../src/archive/local-segment-store.ts';
import { openRangeReader } from '../../src/archive/range-reader.ts';
import { EncryptedReplies } from '../../src/delivery/encryption/encrypted-replies.ts';
import { ContentKeyring } from '../../src/delivery/encryption/keyring.ts';
import { createLiveLookup } from '../../src/delivery/live/live-lookup.ts';
import { SegmentCache } from '../../src/delivery/live/segment-cache.ts';
import { createMediaRouter } from '../../src/delivery/media-router.ts';
import type { ServedStream } from '../../src/delivery/served-stream.ts';
import { Stills } from '../../src/delivery/stills.ts';
import { startTestServer } from '../../src/http/fixture.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { letHeapGrow } from '../../src/lib/memory/heap.ts';
import { videoTrack } from '../../src/live/frames.fixture.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { RecordingReader } from '../../src/recording/recording-reader.ts';
import { openStore } from '../../src/store/db.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { openBenchStream } from '../bench-stream.ts';

const RATE = 25;
const TICK_MS = 1000 / RATE;

const isEncrypted = process.argv.includes('--encrypted');
const [count = 1, kbps = 2500] = process.argv
  .slice(2)
  .filter((arg) => !arg.startsWith('--'))
  .map(Number);
using _growth = letHeapGrow(); // as `oxbow serve`
const clock = createSystemClock();
await using folder = await openFolder('bench-encryption');
await using store = await openStore({ file: join(folder.path, 'oxbow.db'), log: createSilentLog() });
const reader = openRangeReader(openLocalSegmentStore({ folder: folder.path }));
const keyring = new ContentKeyring(Buffer.from('a secret of this benchmark'), 60);
const frameBytes = Math.round((kbps * 1000) / 8 / RATE);
const track = videoTrack();

const streams = Array.from({ length: count }, (_, number) => {
  const recording = new RecordingReader({ streamId: `s${number}`, chunks: new ChunkQueries(store.rows), endUs: 0 });
  const { stream, served } = openBenchStream(`s${number}`, { clock, nextMsn: 1000, recording });
  const utcOffsetUs = Math.round(clock.nowMs() * 1000);
  stream.startRun({ tracks: [track], utcOffsetUs, clock: 'source', pace: { kind: 'continuous' } });
  if (isEncrypted) Object.assign(served, { contentKeys: keyring.ofStream(`s${number}`, 'aes-128') });
  return { stream, served: served as ServedStream };
});
const byName = new Map(streams.map(({ served }) => [served.name, served]));
const find = (name: string) => byName.get(name);
const segmentCache = new SegmentCache(reader);
const encrypted = new EncryptedReplies({ reader });
const stills = new Stills({ reader, signal: new AbortController().signal, makeStill: async () => new Uint8Array() });
const answer = createMediaRouter({ find, clock, reader, segmentCache, encrypted, stills });
const lookup = createLiveLookup(find, segmentCache, encrypted);
const server = await startTestServer({ answer, lookup, reader, clock });

let frame = 0;
const startedMs = performance.now();
setInterval(() => {
  for (; frame * TICK_MS <= performance.now() - startedMs; frame++) {
    const duration = track.timescale / RATE;
    for (const { stream } of streams) {
      const data = new Uint8Array(frameBytes).fill(frame);
      stream.publish({
        trackId: track.id,
        dts: frame * duration,
        pts: frame * duration,
        duration,
        key: frame % 50 === 0,
        data,
      });
    }
  }
}, TICK_MS);
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
