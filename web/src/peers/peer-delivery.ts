/**
 * Loads segments of a live stream from other viewers: opens the introductions, and gives the player what it
 * needs for each live list. Loaded only by pages of a stream that permits it whose viewer has consented.
 * In: the name of a stream. Out: settings for hls.js; figures for the page. docs/4-watch/peers.md.
 */
import type Hls from 'hls.js';
import { Core } from 'p2p-media-loader-core';
import type { PeersView } from '../../../src/api/peers/peer-shapes.ts';
import { onServer } from '../api/server.ts';
import type { LiveLoading } from '../player/video/video-buffer.ts';
import { Blame } from './blame.ts';
import { Checksums } from './checksums.ts';
import { isElected } from './election.ts';
import { Introductions } from './introductions.ts';
import { follow, segmentLoader } from './segment-loader.ts';
import { maySend, SegmentStore } from './segment-store.ts';
import TrackerClient from './tracker-client.ts';

/** A request of this page loads the segment at once, s: it is loaded whatever the position is. */
const AT_ONCE_S = 120;
/**
 * A segment that no other viewer has sent this long before it is played is loaded from the server, s: the
 * loader looks once a second. And a share of its duration, because that is how long it may take.
 */
const AHEAD_S = 1;
const AHEAD = 0.5;
/** A peer that sends nothing for this long is given up for the segment, ms. */
const SILENT_MS = 1200;
/** Requests of segments to the server that are remembered. */
const MOST_WHOLE = 64;

/** What a page has received and sent. */
export interface PeerFigures {
  /** Viewers that it is connected to. */
  readonly peers: number;
  readonly fromPeersBytes: number;
  readonly fromServerBytes: number;
  readonly toPeersBytes: number;
  /** Segments of other viewers that were not what the server has. */
  readonly wrong: number;
}

/** The delivery of one page; `close` ends it. */
export class PeerDelivery {
  readonly #stream: string;
  readonly #iceServers: readonly string[];
  readonly #introductions: Introductions;
  readonly #checksums = new Checksums();
  readonly #changed: (figures: PeerFigures) => void;
  readonly #ends = new Set<() => void>();
  #targetS = 2;
  #figures: PeerFigures = { peers: 0, fromPeersBytes: 0, fromServerBytes: 0, toPeersBytes: 0, wrong: 0 };

  private constructor(stream: string, { socket, iceServers }: PeersView, changed: (figures: PeerFigures) => void) {
    this.#stream = stream;
    this.#iceServers = iceServers;
    this.#changed = changed;
    const url = new URL(onServer(socket), location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    this.#introductions = new Introductions(url.href);
  }

  /**
   * Opens it.
   *
   * @param changed called with new figures
   * @returns null if the server does not permit it for the stream, or does not answer
   */
  static async open(
    stream: string,
    changed: (figures: PeerFigures) => void,
    signal: AbortSignal,
  ): Promise<PeerDelivery | null> {
    try {
      const answer = await fetch(onServer(`/api/v1/streams/${stream}/peers`), { signal });
      return answer.ok ? new PeerDelivery(stream, (await answer.json()) as PeersView, changed) : null;
    } catch {
      return null;
    }
  }

  /** For a live list that is about to be loaded. */
  open(): LiveLoading {
    /** Addresses that were requested from the server as a whole. */
    const whole = new Set<string>();
    const core = this.#createCore(whole);
    let shown: HTMLVideoElement | null = null;
    const untilS = (positionS: number) => positionS - (shown?.currentTime ?? 0);
    return {
      // Parts come from the server only: whole segments are what viewers have of each other.
      settings: {
        lowLatencyMode: false,
        fLoader: segmentLoader(core, { untilS, isRequested: (address) => whole.has(address) }),
      },
      follow: (hls, video) => {
        shown = video;
        return this.#follow(core, hls, video);
      },
    };
  }

  /** Target duration of the last list, s; before it that of most streams. */
  get targetS(): number {
    return this.#targetS;
  }

  close(): void {
    for (const end of [...this.#ends]) end();
    this.#introductions.close();
  }

  #createCore(whole: Set<string>): Core {
    const blame = new Blame();
    const isRight = async (url: string, bytes: ArrayBuffer) => {
      const verdict = await this.#checksums.compare(url, bytes);
      if (verdict === 'wrong') blame.foundWrong(url);
      return verdict === 'right';
    };
    const core = new Core({
      announceTrackers: [this.#introductions.url],
      rtcConfig: { iceServers: this.#iceServers.map((urls) => ({ urls })) },
      swarmId: `oxbow ${this.#stream}`,
      customSegmentStorageFactory: () => new SegmentStore(),
      highDemandTimeWindow: AT_ONCE_S,
      httpDownloadTimeWindow: 0, // the election decides who loads, not chance
      p2pDownloadTimeWindow: AT_ONCE_S,
      simultaneousP2PDownloads: 3,
      p2pNotReceivingBytesTimeoutMs: SILENT_MS,
      p2pInactiveLoaderDestroyTimeoutMs: 0,
      // Never the rest of what a peer has begun: bytes of two places would be one segment.
      httpRequestSetup: async (url, _range, signal) => {
        whole.add(url);
        for (const oldest of whole) {
          if (whole.size <= MOST_WHOLE) break;
          whole.delete(oldest);
        }
        return new Request(url, { signal });
      },
      validateP2PSegment: (url, _range, bytes) => isRight(url, bytes),
      // The loader takes what a peer has sent completely for loaded, also where it was not compared in time.
      validateHTTPSegment: async (url, _range, bytes) => whole.has(url) || isRight(url, bytes),
    });
    core.addEventListener('onChunkDownloaded', (bytes, source) => {
      if (source === 'http') this.#add({ fromServerBytes: this.#figures.fromServerBytes + bytes });
    });
    core.addEventListener('onChunkUploaded', (bytes) =>
      this.#add({ toPeersBytes: this.#figures.toPeersBytes + bytes }),
    );
    core.addEventListener('onSegmentStart', ({ segment, peerId }) => {
      if (peerId) blame.started(segment.url, peerId);
    });
    core.addEventListener('onSegmentLoaded', ({ segmentUrl, downloadSource, bytesLength }) => {
      blame.loaded(segmentUrl);
      if (downloadSource !== 'p2p') return;
      this.#introductions.gained(bytesLength);
      this.#add({ fromPeersBytes: this.#figures.fromPeersBytes + bytesLength });
    });
    core.addEventListener('onSegmentError', ({ error, segment }) => {
      if (!/^(p2p|http)-segment-validation-failed$/.test(error.type)) return;
      const liar = blame.dropped(segment.url);
      if (liar === null) return;
      this.#swarm?.refuse(liar);
      this.#add({ wrong: this.#figures.wrong + 1 });
    });
    for (const event of ['onPeerConnect', 'onPeerClose'] as const) {
      core.addEventListener(event, () => this.#add({ peers: this.#swarm?.connected.length ?? 0 }));
    }
    return core;
  }

  #follow(core: Core, hls: Hls, video: HTMLVideoElement): () => void {
    const { Events } = hls.constructor as typeof Hls;
    const listed = (details: Parameters<typeof follow>[1]) => {
      if (!this.#ends.has(end)) return;
      core.setManifestResponseUrl(`oxbow:${this.#stream}`);
      core.setIsLive(details.live);
      const newest = details.fragments.at(-1)?.sn;
      const swarm = this.#swarm;
      const loads = !swarm || typeof newest !== 'number' || isElected(swarm.peerId, swarm.connected, newest);
      // Before the segments: the loader looks at them at once.
      this.#targetS = details.targetduration;
      const aheadS = AHEAD_S + AHEAD * details.targetduration;
      const { fromPeersBytes, fromServerBytes, toPeersBytes } = this.#figures;
      core.applyDynamicConfig({
        highDemandTimeWindow: loads ? AT_ONCE_S : aheadS,
        isP2PUploadDisabled: !maySend(fromPeersBytes + fromServerBytes, toPeersBytes),
      });
      follow(core, details);
    };
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => listed(details));
    hls.on(Events.LEVEL_SWITCHING, (_, { bitrate }) => {
      if (bitrate) core.setActiveLevelBitrate(bitrate);
    });
    const ends = new AbortController();
    const moved = () => core.updatePlayback(video.currentTime, video.playbackRate);
    for (const type of ['timeupdate', 'seeking', 'ratechange']) {
      video.addEventListener(type, moved, { signal: ends.signal });
    }
    const end = () => {
      if (!this.#ends.delete(end)) return;
      ends.abort();
      core.destroy();
    };
    this.#ends.add(end);
    return end;
  }

  get #swarm(): TrackerClient | null {
    const { current } = this.#introductions;
    return current instanceof TrackerClient ? current : null;
  }

  #add(change: Partial<PeerFigures>): void {
    this.#figures = Object.assign({}, this.#figures, change);
    this.#changed(this.#figures);
  }
}
