/**
 * The server of `bench serve` and `bench footprint`: streams that receive no media, so that only serving
 * costs CPU.
 * In: a folder, and certificate and key for TLS, as arguments; or `--auth` for restricted streams that an
 * authorization server admits. Out: a line of JSON with its addresses.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AuthUrl } from '../src/accounts/auth/auth-url.ts';
import { openLocalSegmentStore } from '../src/archive/local-segment-store.ts';
import { openRangeReader } from '../src/archive/range-reader.ts';
import { segmentLocation } from '../src/archive/segment-store.ts';
import { EncryptedReplies } from '../src/delivery/encryption/encrypted-replies.ts';
import { createLiveLookup } from '../src/delivery/live/live-lookup.ts';
import { SegmentCache } from '../src/delivery/live/segment-cache.ts';
import { createMediaRouter } from '../src/delivery/media-router.ts';
import { Stills } from '../src/delivery/stills.ts';
import { startTestServer } from '../src/http/fixture.ts';
import { createSystemClock } from '../src/lib/clock.ts';
import { videoTrack } from '../src/live/frames.fixture.ts';
import { createNet } from '../src/net/net.ts';
import { firstOpenOf, lastSealedOf } from '../src/packager/live-segment.ts';
import type { RecordedGroup, RecordingReader } from '../src/recording/recording-reader.ts';
import { openBenchStream } from './bench-stream.ts';

const RATE = 25;
const SECONDS = 30;
const RECORDED_BYTES = 200_000;
const RECORDED_SEGMENTS = 150;
/** MSN of the first recorded segment; lower than all live ones. */
const FIRST_RECORDED = 1;

const isRestricted = process.argv.includes('--auth');
const [folder = '.', cert, key] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const clock = createSystemClock();

/** A stream whose parts of 0.2 s have about `partBytes` bytes. */
function pausedStream(name: string, partBytes: number, recording: RecordingReader) {
  const track = videoTrack();
  const { stream, served } = openBenchStream(name, { clock, nextMsn: 1000, recording });
  const utcOffsetUs = Math.round((clock.nowMs() - SECONDS * 1000) * 1000);
  stream.startRun({ tracks: [track], utcOffsetUs, clock: 'source', pace: { kind: 'continuous' } });
  const duration = track.timescale / RATE;
  for (let i = 0; i < SECONDS * RATE + 1; i++) {
    const data = new Uint8Array(Math.round(partBytes / 5)).fill(i);
    stream.publish({ trackId: track.id, dts: i * duration, pts: i * duration, duration, key: i % 50 === 0, data });
  }
  return served;
}

const FILE = segmentLocation('recorded.mp4');
const segment = Buffer.alloc(RECORDED_BYTES, 'oxbow');
writeFileSync(join(folder, FILE), Buffer.concat(Array.from({ length: RECORDED_SEGMENTS }, () => segment)));
let initNumber = 0;
const recording = {
  find: async (msn: number) => {
    const offset = (msn - FIRST_RECORDED) * RECORDED_BYTES;
    if (offset < 0 || msn >= FIRST_RECORDED + RECORDED_SEGMENTS) return undefined;
    return {
      location: FILE,
      initNumber,
      startUs: 0,
      tracks: [{ trackId: 1, offset, length: RECORDED_BYTES, crc: crc32(segment) }],
    } as unknown as RecordedGroup;
  },
  firstMsn: async () => FIRST_RECORDED,
} as unknown as RecordingReader;

const streams = new Map(
  [30_000, 200_000].map((bytes) => {
    const stream = pausedStream(`p${bytes / 1000}`, bytes, recording);
    return [stream.name, stream] as const;
  }),
);
const small = streams.get('p30');
initNumber = small!.list.find(1000)!.init.number;
const find = (name: string) => streams.get(name);
const reader = openRangeReader(openLocalSegmentStore({ folder }));
const segmentCache = new SegmentCache(reader);
const stills = new Stills({ reader, signal: new AbortController().signal, makeStill: async () => new Uint8Array() });
const answer = createMediaRouter({ find, clock, reader, segmentCache, stills });
const tls = cert && key ? { cert, key } : undefined;
const auth = isRestricted ? await openAuth() : undefined;
const lookup = createLiveLookup(find, segmentCache, new EncryptedReplies({ reader }));
const server = await startTestServer({ answer, lookup, reader, clock, auth }, tls);
if (isRestricted) server.deps.streams.isPrivate = () => true;

/** An authorization server that admits all clients for an hour. */
async function openAuth(): Promise<AuthUrl> {
  const admitting = createServer((_, response) => response.end('{"ttl":3600}')).listen(0, '127.0.0.1');
  await once(admitting, 'listening');
  const { port } = admitting.address() as AddressInfo;
  return new AuthUrl({
    url: `http://127.0.0.1:${port}/`,
    secret: undefined,
    sendKey: false,
    timeoutMs: 2000,
    net: createNet({ allow: [] }),
    nowMs: () => clock.monotonicMs(),
    signal: new AbortController().signal,
    onAnswer() {},
    onAvailable() {},
  });
}

const part = `${lastSealedOf(small!.list.segments)!.msn}.0.m4s`;
const next = lastSealedOf(small!.list.segments)!.msn + 1;
process.stdout.write(
  `${JSON.stringify({
    url: server.url,
    playlist: '/live/p30/v0/g1.m3u8',
    part30: `/live/p30/v0/${part}`,
    part200: `/live/p200/v0/${part}`,
    recorded: Array.from({ length: RECORDED_SEGMENTS }, (_, i) => `/live/p30/v0/${FIRST_RECORDED + i}.m4s`),
    held: `/live/p30/v0/g1.m3u8?_HLS_msn=${next}&_HLS_part=${firstOpenOf(small!.list.segments)?.parts.get(1)?.length ?? 0}`,
  })}\n`,
);
/** A line on standard input ends the stream: held requests are answered. */
process.stdin.on('data', () => {
  small!.listWriter.end();
  process.stdout.write(`${JSON.stringify({ releasedAt: performance.timeOrigin + performance.now() })}\n`);
});
process.stdin.on('end', () => process.exit(0));
