/**
 * Several streams of one entry of a room: the tiles follow the room, which decides by the first stream.
 * In: the room's state and clock, the remote. Out: what the room's controls, keys and timeline need of a
 * player.
 */
import type { ItemTarget, RoomItem } from '../../../../src/api/room/item-shapes.ts';
import { nothingPlays } from '../../../../src/api/room/playback.ts';
import { renewWatchToken } from '../../api/server.ts';
import type { MediaRequests } from '../../media/requests.ts';
import type { MediaState } from '../../media/state.ts';
import { layoutFor } from '../../multi/layout.ts';
import { Tiles } from '../../multi/tiles.svelte.ts';
import { snapshotOf, soundControls } from '../../multi/tiles-controls.ts';
import { TimelineState } from '../../timeline/state.svelte.ts';
import type { Remote } from '../session/remote.ts';
import type { RoomSession } from '../session/room-session.svelte.ts';
import type { RoomMedia } from './room-media.svelte.ts';

/** The streams of an entry; `close` with its page. */
export class StreamsMedia implements RoomMedia {
  readonly name: string;
  readonly tiles: Tiles;
  readonly timeline: TimelineState;
  readonly controls: MediaRequests;
  /** The room's position and the server's time, unix ms; updated a few times a second. */
  shownMs = $state<number | null>(null);
  nowMs = $state(Date.now());
  readonly #room: RoomSession;
  readonly #remote: Remote;
  readonly #stop: () => void;

  constructor(
    room: RoomSession,
    { address, beside = [] }: RoomItem,
    { stream }: Extract<ItemTarget, { kind: 'stream' | 'range' }>,
    remote: Remote,
  ) {
    this.name = stream;
    this.#room = room;
    this.#remote = remote;
    // Members may watch the playlist: its addresses have the tokens for that.
    for (const of of [{ address }, ...beside]) renewWatchToken(of.address ?? '');
    const streams = [stream, ...beside.map((other) => other.stream)];
    const shifts = Object.fromEntries(beside.map((other) => [other.stream, other.offsetMs ?? 0]));
    const { clock } = room;
    this.timeline = new TimelineState(stream, clock.now);
    this.tiles = new Tiles({
      arrangement: { streams, layout: layoutFor(streams.length), focus: 0 },
      shifts,
      clock,
      time: {
        get state() {
          return clock.isKnown ? room.view.state : nothingPlays;
        },
        get atMs() {
          return room.positionMs();
        },
      },
      room: {
        stream,
        attach: (target) => remote.attach(target),
        get offsetMs() {
          return remote.offsetMs;
        },
      },
    });
    this.controls = remote.controls(soundControls(this.tiles), () => this.player);
    this.#stop = room.events.onState(() => this.tiles.step());
  }

  /** Plays until `close`. */
  async open(): Promise<void> {
    await this.tiles.load();
    void this.timeline.start();
    await this.tiles.keep(() => {
      this.nowMs = this.#room.clock.now();
      this.shownMs = this.#room.view.state.item === null ? null : this.#room.positionMs();
    });
  }

  /** The tile that is heard, at the room's position. */
  get player(): MediaState {
    const { shownMs, nowMs } = this;
    const { live, playing } = this.#room.view.state;
    const behindMs = shownMs === null ? null : nowMs - shownMs;
    return snapshotOf(this.tiles, { shownMs, behindMs, atEdge: live && playing, paused: !playing });
  }

  /** The oldest kept time of the first stream, unix ms; null if it is not known. */
  get firstMs(): number | null {
    const from = this.tiles.all.find(({ name }) => name === this.name)?.stream?.recorded.from;
    return from ? Date.parse(from) : null;
  }

  step(bySeconds: number): void {
    this.#remote.step(bySeconds);
  }

  goToFirst(): void {
    if (this.firstMs !== null) this.#remote.seek(this.firstMs);
  }

  /** Ends playback and requests. */
  close(): void {
    this.#stop();
    this.tiles.close();
    this.timeline.close();
  }
}
