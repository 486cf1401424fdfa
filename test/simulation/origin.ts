/**
 * A simulated origin: serves the lists and segments of a plan as they are at the moment, and records what it
 * listed for each client.
 * In: requests of a pull, over virtual time. Out: replies, as net gives them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { printInit } from '@oxbow/media/isobmff/init';
import { sleep } from '../../src/lib/abort.ts';
import { netFailure } from '../../src/net/failure.ts';
import type { Net, NetRequest, NetResponse } from '../../src/net/net.ts';
import { type FrameName, type SourcePlan, type SourceSegment, segmentBytes, sourceTracks } from './source-plan.ts';

/** UTC at which a simulation begins, ms since 1970. */
export const EPOCH_MS = 1_795_000_300_000;
/** Address of the source. */
export const SOURCE_URL = 'http://tv.example/index.m3u8';

/** A list that was served: which segments it named, and when. */
export interface ServedList {
  readonly atMs: number;
  /** Which process of oxbow asked. */
  readonly process: number;
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
  readonly ended: boolean;
}

/** The origin of one simulation. */
export class SimulatedOrigin {
  readonly #plan: SourcePlan;
  readonly #nowMs: () => number;
  readonly #all: readonly SourceSegment[];
  readonly #requests = new Map<string, number>();
  /** Lists of the video, in order. */
  readonly served: ServedList[] = [];
  process = 0;

  /** @param nowMs since the simulation began */
  constructor(plan: SourcePlan, nowMs: () => number) {
    this.#plan = plan;
    this.#nowMs = nowMs;
    this.#all = plan.lives.flatMap(({ segments }) => segments);
  }

  /** The way out of oxbow, which leads here. */
  get net(): Net {
    const close = async () => {};
    return {
      fetch: (url, request) => this.#fetch(new URL(url), request),
      openProxy: () => Promise.reject(new Error('a simulation has no pages')),
      resolveHost: () => Promise.reject(new Error('a simulation has no relays')),
      idleConnections: 0,
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  async #fetch(url: URL, request: NetRequest): Promise<NetResponse> {
    await sleep(20 + (url.pathname.length % 7) * 10, request);
    const reply = await this.#answer(url.pathname.slice(1), request);
    return { ...reply, url };
  }

  async #answer(path: string, request: NetRequest): Promise<Omit<NetResponse, 'url'>> {
    const { audio } = this.#plan;
    if (path === 'index.m3u8') return audio === 'separate' ? textReply(MULTIVARIANT) : this.#list('video');
    if (path === 'video.m3u8') return this.#list('video');
    if (path === 'audio.m3u8') return this.#list('audio');
    const tracks = audio === 'muxed' ? [sourceTracks.video, sourceTracks.audio] : [sourceTracks.video];
    if (path === 'video-init.mp4') return bytesReply(printInit(tracks));
    if (path === 'audio-init.mp4') return bytesReply(printInit([sourceTracks.audio]));
    const [, kind, msn] = /^(video|audio)-(\d+)\.m4s$/.exec(path) ?? [];
    if (msn === undefined) return status(404);
    return this.#segment(kind as FrameName['kind'], Number(msn), request);
  }

  async #segment(kind: FrameName['kind'], msn: number, request: NetRequest): Promise<Omit<NetResponse, 'url'>> {
    const listed = this.#listedNow(kind);
    const from = this.#plan.lives[listed.life]?.segments[0]?.index ?? 0;
    // What has left the list stays for another window; what an encoder before this one made under the same
    // name is gone.
    const found = this.#all.findLast(
      (segment) => segment.msn === msn && segment.index < listed.end && (segment.index >= from || listed.continues),
    );
    if (!found || found.index < listed.first - this.#plan.windowSegments) return status(404);
    const bytes = segmentBytes(
      this.#plan,
      found,
      kind === 'video' && this.#plan.audio === 'muxed' ? ['video', 'audio'] : [kind],
    );
    const key = `${kind} ${found.index}`;
    const tries = this.#requests.get(key) ?? 0;
    this.#requests.set(key, tries + 1);
    switch (kind === 'video' && found.isBroken ? 'status-404' : found.failures[tries]) {
      case undefined:
        return bytesReply(bytes);
      case 'status-404':
        return status(404);
      case 'status-500':
        return status(500);
      case 'html':
        return textReply('<!doctype html><title>Busy</title>');
      case 'truncated':
        return cutReply(bytes.subarray(0, bytes.length >> 1));
      default:
        await sleep(
          Math.min(request.idleMs, request.deadlineMs === 'none' ? Number.POSITIVE_INFINITY : request.deadlineMs),
          request,
        );
        throw netFailure('idle', 'nothing came');
    }
  }

  /** The segments that a list names at the moment, by index. */
  #listedNow(kind: FrameName['kind']): { life: number; first: number; end: number; state: string; continues: boolean } {
    const { lives, windowSegments, staleUntilMs, staleMs, segmentS, audioAhead, isFilm } = this.#plan;
    const realMs = this.#nowMs();
    const aheadMs = kind === 'audio' ? audioAhead * segmentS * 1000 : 0;
    const nowMs = realMs - (realMs < staleUntilMs ? staleMs : 0) + aheadMs;
    const life = lives.findLastIndex(({ segments }) => segments[0]!.listedMs <= nowMs);
    const { segments, after, continues } = lives[Math.max(0, life)]!;
    const complete = segments.filter(({ listedMs }) => listedMs <= nowMs).length;
    const end = segments[0]!.index + complete;
    const floor = continues ? 0 : segments[0]!.index;
    const isOver = isFilm || nowMs >= segments.at(-1)!.listedMs + segmentS * 1000;
    const state = life < 0 ? 'gone' : isOver ? after : 'live';
    return { life, first: Math.max(floor, end - windowSegments), end, state, continues };
  }

  #list(kind: FrameName['kind']): Omit<NetResponse, 'url'> {
    const { first, end, state } = this.#listedNow(kind);
    if (state === 'gone') return status(404);
    const listed = this.#all.slice(first, end);
    const head = listed[0]!;
    const before = head.discontinuity ? head.discontinuitySequence - 1 : head.discontinuitySequence;
    const lines = ['#EXTM3U', '#EXT-X-VERSION:7', `#EXT-X-TARGETDURATION:${this.#plan.targetDurationS}`];
    lines.push(`#EXT-X-MEDIA-SEQUENCE:${head.msn}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${Math.max(0, before)}`);
    if (!(kind === 'video' ? this.#plan.isTs : this.#plan.isSoundTs)) lines.push(`#EXT-X-MAP:URI="${kind}-init.mp4"`);
    for (const { msn, discontinuity, dateMs } of listed) {
      if (discontinuity) lines.push('#EXT-X-DISCONTINUITY');
      if (dateMs !== undefined) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(EPOCH_MS + dateMs).toISOString()}`);
      lines.push(`#EXTINF:${this.#plan.segmentS},`, `${kind}-${msn}.m4s`);
    }
    if (state === 'ended') lines.push('#EXT-X-ENDLIST');
    if (kind === 'video')
      this.served.push({ atMs: this.#nowMs(), process: this.process, first, end, ended: state === 'ended' });
    return textReply(`${lines.join('\n')}\n`);
  }
}

const MULTIVARIANT = [
  '#EXTM3U',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,URI="audio.m3u8"',
  '#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.64001f,mp4a.40.2",AUDIO="a"',
  'video.m3u8\n',
].join('\n');

function status(code: number): Omit<NetResponse, 'url'> {
  return reply(code, new Uint8Array());
}

function textReply(text: string): Omit<NetResponse, 'url'> {
  return reply(200, new TextEncoder().encode(text));
}

function bytesReply(bytes: Uint8Array): Omit<NetResponse, 'url'> {
  return reply(200, bytes);
}

/** The connection breaks before the last byte. */
function cutReply(bytes: Uint8Array): Omit<NetResponse, 'url'> {
  return reply(200, bytes, netFailure('connection', 'the connection broke'));
}

function reply(code: number, bytes: Uint8Array, failure?: Error): Omit<NetResponse, 'url'> {
  const headers: IncomingHttpHeaders = {};
  return {
    status: code,
    headers,
    async body() {
      if (failure) throw failure;
      return bytes;
    },
    async pieces() {
      if (failure) throw failure;
      return bytes.length > 0 ? [bytes] : [];
    },
    async *stream() {
      if (bytes.length > 0) yield bytes;
      if (failure) throw failure;
    },
    [Symbol.dispose]() {},
  };
}
