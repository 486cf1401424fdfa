/**
 * The playback of a room. The server is the only author of the state: people send commands, and everything
 * else that moves a room (the end of an entry, a gap, the live edge, a slow member) is decided here, for all
 * at once.
 * In: commands, reports, the media of the entry, ticks. Out: states. docs/7-together/in-step.md.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { ClientMessageOf } from '../../../api/room/messages.ts';
import { type PlaybackState, positionAt } from '../../../api/room/playback.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { MediaSpan } from '../../../streams/timeline/stream-timeline.ts';
import type { RoomItemMedia } from '../room-media.ts';
import type { ItemRecord } from '../room-record.ts';
import { LiveAnchor } from './live-anchor.ts';
import { SlowViewers } from './slow-viewers.ts';

/** The wall clock has stepped if it moves by this more than the other one, ms. */
const CLOCK_STEP_MS = 50;
/** A position this far before media counts as in it, ms. */
const SAME_MS = 50;
/** Where no media is, it is looked up again after this, ms. */
const ASK_AGAIN_MS = 1000;
/** A stream without media for this long has ended; before that its source may come back, ms. */
const ENDED_MS = 30_000;

/** A command, from a connection or a request. */
export type PlaybackCommand = Omit<ClientMessageOf<'command'>, 't' | 'id'>;

/** The room, as playback sees it. */
interface PlaybackRoom {
  readonly clock: Clock;
  /** How far ahead changes take effect, ms. */
  leadMs(): number;
  findItem(id: string): ItemRecord | undefined;
  /** The entry that plays at the end of this one; undefined: none. */
  itemAfter(id: string): ItemRecord | undefined;
  openMedia(item: ItemRecord): Promise<RoomItemMedia | undefined>;
  /** The room waits for slow viewers. */
  readonly waitsForSlow: boolean;
  readonly present: number;
  /** Everyone gets the new state. */
  changed(state: PlaybackState): void;
  /** A bug or a failed query, for the log. */
  failed(error: unknown): void;
}

/** The playback of a room. */
export class Playback {
  readonly #room: PlaybackRoom;
  #state: PlaybackState;
  /** The state until `#state` takes effect. */
  #before: PlaybackState;
  /**
   * Commands whose author saw this state or a later one are not stale: since then only the server corrected
   * something.
   */
  #freshRev: number;
  #media: RoomItemMedia | undefined;
  #durationMs: number | undefined;
  /** The stretch of media that plays, as it was when it was read. */
  #span: MediaSpan | undefined;
  #isAsking = false;
  #askAgainMs = 0;
  /** Since when there is no media at the position, monotonic ms. */
  #missingMs: number | undefined;
  #anchor: LiveAnchor;
  readonly #slow = new SlowViewers();
  #wallAheadMs: number;
  #isEnding = false;

  constructor(room: PlaybackRoom, state: PlaybackState) {
    this.#room = room;
    this.#state = state;
    this.#before = state;
    this.#freshRev = state.rev;
    const { clock } = room;
    this.#anchor = new LiveAnchor(clock.monotonicMs());
    this.#wallAheadMs = clock.nowMs() - clock.monotonicMs();
  }

  /** The state, which may take effect in a moment. */
  get state(): PlaybackState {
    return this.#state;
  }

  /** The position now, ms. */
  get positionMs(): number {
    const nowMs = this.#room.clock.nowMs();
    const isPending = nowMs < this.#state.anchorServer && this.#before.item === this.#state.item;
    return positionAt(isPending ? this.#before : this.#state, nowMs);
  }

  /** Reads the media of the entry that played when the room was stored. */
  async resume(): Promise<void> {
    const item = this.#state.item === null ? undefined : this.#room.findItem(this.#state.item);
    if (item) {
      this.#take(await this.#room.openMedia(item));
      if (this.#state.waitingFor) this.#set({ playing: true }); // the awaited member is not known any more
    } else if (this.#state.item !== null) this.#set({ item: null, playing: false, live: false, anchorMedia: 0 });
  }

  /**
   * Runs the command of a person; the caller has checked that they may.
   *
   * @returns the rev that the command made, or the present one if it had nothing to do
   * @throws OxbowError `state-stale`, `item-unknown`, `at-live-edge`, `bad-request`
   */
  async command(command: PlaybackCommand, by: UserRef): Promise<number> {
    const { positionMs, rate } = command;
    if (this.#isDone(command)) return this.#state.rev;
    this.#assertFresh(command.rev);
    if (command.do === 'item') return this.#commandItem(command, by);
    if (this.#state.item === null || !this.#media) throw new OxbowError('item-unknown', 'Nothing plays in this room.');
    const at = positionMs === undefined ? undefined : this.#clamp(positionMs);
    switch (command.do) {
      case 'play':
        if (this.#media.kind === 'live') return this.#command(this.#liveNow()!, by);
        return this.#command({ ...this.#moved(at), playing: true }, by);
      case 'pause':
        return this.#command({ playing: false, live: false, ...(at !== undefined && { anchorMedia: at }) }, by);
      case 'seek':
        if (at === undefined) throw new OxbowError('bad-request', 'The command `seek` needs `positionMs`.');
        return this.#command(this.#moved(at), by);
      case 'rate':
        if (rate === undefined) throw new OxbowError('bad-request', 'The command `rate` needs `rate`.');
        if (rate !== 1 && (this.#media.kind === 'live' || (this.#state.live && rate > 1)))
          throw new OxbowError('at-live-edge', 'The room is at the live edge.');
        return this.#command({ rate, live: this.#state.live && rate === 1 }, by);
      case 'live': {
        const live = this.#liveNow();
        if (!live) throw new OxbowError('bad-request', 'What plays is not live.');
        return this.#command(live, by);
      }
    }
  }

  /** The entry was removed or changed: nothing plays, or it begins again. */
  itemGone(): void {
    this.#take(undefined);
    this.#set({ item: null, playing: false, live: false, rate: 1, anchorMedia: 0 }, { isMaterial: true });
  }

  /**
   * A member's player reported.
   *
   * @param options.counts it can hold the room; `mayEnd`: its duration and its end are believed
   */
  report(
    user: string,
    report: ClientMessageOf<'report'>,
    { counts, mayEnd }: { readonly counts: boolean; readonly mayEnd: boolean },
  ): void {
    this.#slow.report(user, counts && report.buffering, this.#room.clock.monotonicMs());
    const { rev, item } = this.#state;
    if (!mayEnd || item === null || this.#media?.kind !== 'file' || this.#media.durationMs !== undefined) return;
    const { durationMs, ended } = report;
    if (report.rev === rev && durationMs !== undefined && Number.isFinite(durationMs) && durationMs > 0)
      this.#durationMs = Math.max(durationMs, this.#durationMs ?? 0);
    if (ended && report.rev === rev && this.#state.playing) this.#end();
  }

  /** A member left: the room does not wait for them. */
  left(user: string): void {
    this.#slow.report(user, false, this.#room.clock.monotonicMs());
  }

  /** Stops where the room was at an instant, because it is empty; live rooms stay live. */
  pauseAt(serverMs: number): void {
    const { playing, live } = this.#state;
    if (!playing || live || this.#media?.kind === 'live') return;
    const anchorMedia = this.#clamp(positionAt(this.#state, serverMs));
    this.#set({ playing: false, anchorMedia }, { isMaterial: true, isAt: true });
  }

  /** Moves the room where no person does. Call it often: 20 times a second. */
  tick(): void {
    const { clock } = this.#room;
    const monoMs = clock.monotonicMs();
    this.#followClock(clock.nowMs() - monoMs);
    if (this.#state.item === null || !this.#media) return;
    this.#waitForSlow(monoMs);
    if (!this.#state.playing) return;
    if (this.#media.kind === 'timeline') this.#followTimeline(monoMs);
    else if (this.#media.kind === 'file' && this.#durationMs !== undefined) {
      if (this.positionMs >= this.#durationMs) this.#end();
    }
  }

  /** A command that has nothing to do, whatever its author saw: two people press pause at once. */
  #isDone({ do: action, positionMs, item }: PlaybackCommand): boolean {
    const { playing, live } = this.#state;
    if (positionMs !== undefined || item !== undefined || this.#state.item === null) return false;
    if (action === 'play') return playing;
    if (action === 'pause') return !playing && !this.#slow.isHolding;
    return action === 'live' && playing && live;
  }

  #assertFresh(rev: number): void {
    if (rev < this.#freshRev || rev > this.#state.rev)
      throw new OxbowError('state-stale', `The room is at rev ${this.#state.rev}, the command was for ${rev}.`);
  }

  #command(change: Partial<PlaybackState>, by: UserRef): number {
    // It ends the waiting: the room plays unless the command pauses it.
    const playing = this.#state.playing || this.#state.waitingFor !== undefined;
    this.#set({ playing, ...change, by: by.id }, { isMaterial: true });
    return this.#state.rev;
  }

  async #commandItem({ item: id, positionMs, rev }: PlaybackCommand, by: UserRef): Promise<number> {
    if (id === undefined) throw new OxbowError('bad-request', 'The command `item` needs `item`.');
    if (id === null) {
      this.#take(undefined);
      return this.#command({ item: null, playing: false, live: false, rate: 1, anchorMedia: 0 }, by);
    }
    const item = this.#room.findItem(id);
    if (!item || item.target.kind === 'folder') throw new OxbowError('item-unknown', 'There is no such entry to play.');
    const media = await this.#room.openMedia(item);
    if (!media) throw new OxbowError('item-unknown', 'The media of this entry is gone.');
    this.#assertFresh(rev); // another command may have been faster
    if (!this.#isSame(item)) throw new OxbowError('item-unknown', 'The entry was changed meanwhile.');
    this.#take(media);
    return this.#command(this.#start(item, positionMs), by);
  }

  /** Whether an entry is still in the playlist, with the media that was opened. */
  #isSame({ id, target }: ItemRecord): boolean {
    return this.#room.findItem(id)?.target === target;
  }

  /** The first state of an entry. */
  #start({ id: item }: ItemRecord, positionMs?: number): Partial<PlaybackState> {
    const start = { item, playing: true, rate: 1, live: false };
    if (positionMs !== undefined) return { ...start, ...this.#moved(this.#clamp(positionMs)) };
    const media = this.#media!;
    if (media.kind === 'live') return { ...start, live: true, anchorMedia: 0 };
    if (media.kind === 'timeline') {
      if (media.range) return { ...start, anchorMedia: media.range.fromMs };
      // Offline: the room waits where live media will be.
      return {
        ...start,
        ...(this.#liveNow() ?? { live: true, anchorMedia: this.#room.clock.nowMs() - media.timeline.distanceMs() }),
      };
    }
    return { ...start, anchorMedia: 0 };
  }

  #take(media: RoomItemMedia | undefined): void {
    this.#media = media;
    this.#durationMs = media?.kind === 'file' ? media.durationMs : undefined;
    this.#span = undefined;
    this.#askAgainMs = 0;
    this.#missingMs = undefined;
    this.#isEnding = false;
  }

  /** The change to a position, which is live where it is at the edge. It does not begin or end playing. */
  #moved(positionMs: number | undefined): Partial<PlaybackState> {
    if (positionMs === undefined) return {};
    const live = this.#liveNow();
    if (live && positionMs >= live.anchorMedia! - SAME_MS)
      return { rate: 1, live: true, anchorMedia: live.anchorMedia! };
    return { anchorMedia: positionMs, live: false };
  }

  /** The live position; undefined: what plays is not live. */
  #liveNow(): Partial<PlaybackState> | undefined {
    if (this.#media?.kind === 'live') return { playing: true, rate: 1, live: true, anchorMedia: 0 };
    if (this.#media?.kind !== 'timeline' || this.#media.range) return undefined;
    const { timeline } = this.#media;
    const edgeMs = timeline.edgeMs();
    if (edgeMs === undefined) return undefined;
    // The edge grows until the change takes effect.
    const anchorMedia = edgeMs + this.#room.leadMs() - timeline.distanceMs();
    return { playing: true, rate: 1, live: true, anchorMedia };
  }

  #clamp(positionMs: number): number {
    if (!Number.isFinite(positionMs)) throw new OxbowError('bad-request', '`positionMs` is no number.');
    if (this.#media?.kind === 'timeline') {
      const { range } = this.#media;
      const latestMs = range?.toMs ?? this.#room.clock.nowMs();
      return Math.min(latestMs, Math.max(range?.fromMs ?? 0, positionMs));
    }
    return Math.min(this.#durationMs ?? Number.MAX_SAFE_INTEGER, Math.max(0, positionMs));
  }

  /**
   * The next state, which takes effect in a moment.
   *
   * @param change without `anchorMedia`: from the position that the room has then
   * @param how.isMaterial commands whose author did not see it are stale
   * @param how.isAt at once
   * @param how.fromMs not before this, unix ms
   */
  #set(
    change: Partial<PlaybackState>,
    { isMaterial = false, isAt = false, fromMs = 0 }: { isMaterial?: boolean; isAt?: boolean; fromMs?: number } = {},
  ): void {
    const { clock } = this.#room;
    const nowMs = clock.nowMs();
    const before = this.#state;
    const anchorServer = isAt ? nowMs : Math.max(nowMs + this.#room.leadMs(), before.anchorServer, fromMs);
    if (nowMs >= before.anchorServer) this.#before = before;
    const { waitingFor: _, ...lasting } = before;
    this.#state = {
      ...lasting,
      by: '',
      anchorMedia: positionAt(before, anchorServer),
      ...change,
      rev: before.rev + 1,
      anchorServer,
    };
    if (isMaterial) {
      this.#freshRev = this.#state.rev;
      this.#slow.changed(clock.monotonicMs());
      this.#anchor = new LiveAnchor(clock.monotonicMs());
    }
    this.#room.changed(this.#state);
  }

  /** The wall clock was set: positions stay, their anchors move with it. */
  #followClock(wallAheadMs: number): void {
    const stepMs = wallAheadMs - this.#wallAheadMs;
    this.#wallAheadMs = wallAheadMs;
    if (Math.abs(stepMs) < CLOCK_STEP_MS) return;
    this.#before = { ...this.#before, anchorServer: this.#before.anchorServer + stepMs };
    this.#state = { ...this.#state, rev: this.#state.rev + 1, anchorServer: this.#state.anchorServer + stepMs };
    this.#room.changed(this.#state);
  }

  #waitForSlow(monoMs: number): void {
    const { playing, live } = this.#state;
    const mayHold = this.#room.waitsForSlow && playing && !live && this.#media?.kind !== 'live';
    const decision = this.#slow.decide(monoMs, { mayHold });
    if (decision === 'hold') this.#set({ playing: false, waitingFor: this.#slow.holders });
    if (decision === 'go-on') this.#set({ playing: true });
    // A single slow member has a slow network; half of them, or three, have a slow source.
    const many = this.#slow.starved >= Math.min(3, Math.max(1, this.#room.present / 2));
    if (live && playing && many) this.#anchor.starved(monoMs);
  }

  #followTimeline(monoMs: number): void {
    if (this.#media?.kind !== 'timeline') return;
    const { range, timeline } = this.#media;
    const { state } = this;
    // A change on its way is followed already, so that a seek into a gap shows nothing of it.
    const isPending = this.#room.clock.nowMs() < state.anchorServer;
    const position = isPending ? state.anchorMedia : this.positionMs;
    if (range && position >= range.toMs) {
      this.#end();
      return;
    }
    const edgeMs = range ? undefined : timeline.edgeMs();
    if (state.live) {
      if (edgeMs === undefined || isPending) return;
      const moveMs = this.#anchor.correction(edgeMs - position, timeline.distanceMs(), monoMs);
      if (moveMs !== 0) {
        const { anchorServer, anchorMedia } = state;
        const atMs = this.#room.clock.nowMs() + this.#room.leadMs();
        this.#set({ anchorMedia: anchorMedia + Math.max(0, atMs - anchorServer) + moveMs });
      }
      return;
    }
    // Playing faster, the room reaches the edge while the change is on its way.
    const gainMs = this.#room.leadMs() * Math.max(0, state.rate - 1);
    if (edgeMs !== undefined && position + gainMs >= edgeMs - timeline.distanceMs()) {
      this.#set(this.#liveNow() ?? {}, { isMaterial: true });
      return;
    }
    this.#followSpans(position, monoMs);
  }

  /** Jumps over gaps, together. */
  #followSpans(position: number, monoMs: number): void {
    const aheadMs = (this.#room.leadMs() + 200) * this.#state.rate;
    const span = this.#span;
    if (span && position >= span.fromMs - SAME_MS && position + aheadMs < span.toMs) return;
    if (this.#isAsking || monoMs < this.#askAgainMs || this.#media?.kind !== 'timeline') return;
    this.#isAsking = true;
    const media = this.#media;
    const isInside = span !== undefined && position >= span.fromMs - SAME_MS && position < span.toMs;
    // Within known media: what comes after it? Otherwise: where is media?
    const askedMs = isInside ? span.toMs : position;
    media.timeline
      .span(askedMs)
      .then((next) => {
        if (this.#media === media && this.#state.playing && !this.#state.live) this.#foundSpan(next, span, askedMs);
      })
      .catch((error) => this.#room.failed(error))
      .finally(() => {
        this.#isAsking = false;
      });
  }

  #foundSpan(next: MediaSpan | undefined, before: MediaSpan | undefined, askedMs: number): void {
    const { clock } = this.#room;
    const isPending = clock.nowMs() < this.#state.anchorServer;
    const position = isPending ? this.#state.anchorMedia : this.positionMs;
    if (next) this.#missingMs = undefined;
    if (next && next.fromMs <= askedMs + SAME_MS) {
      // Media continues.
      const joins = before && next.fromMs <= before.toMs + SAME_MS && askedMs === before.toMs;
      this.#span = joins ? { fromMs: before.fromMs, toMs: next.toMs } : next;
      return;
    }
    const isInside = before !== undefined && askedMs === before.toMs && position < before.toMs;
    const { rate } = this.#state;
    /** When the room reaches the end of its span. */
    const endMs = isInside ? Math.max(clock.nowMs(), this.#state.anchorServer) + (before.toMs - position) / rate : 0;
    if (!next) {
      const monoMs = clock.monotonicMs();
      this.#askAgainMs = monoMs + ASK_AGAIN_MS;
      const isLive = this.#media?.kind === 'timeline' && this.#media.timeline.edgeMs() !== undefined;
      if (isInside || isLive) return;
      this.#missingMs ??= monoMs;
      if (monoMs - this.#missingMs >= ENDED_MS) this.#end();
      return;
    }
    const { range } = this.#media?.kind === 'timeline' ? this.#media : {};
    if (range && next.fromMs >= range.toMs) {
      if (!isInside) this.#end();
      return;
    }
    this.#span = next;
    this.#set({ anchorMedia: next.fromMs }, { isMaterial: true, fromMs: endMs });
  }

  /** The end of an entry: the next one, or a pause. */
  #end(): void {
    if (this.#isEnding || this.#state.item === null) return;
    const next = this.#room.itemAfter(this.#state.item);
    if (!next) {
      const anchorMedia = this.#clamp(Math.min(this.positionMs, this.#span?.toMs ?? Number.MAX_SAFE_INTEGER));
      this.#set({ playing: false, live: false, anchorMedia }, { isMaterial: true });
      return;
    }
    this.#isEnding = true;
    const { rev } = this.#state;
    this.#room
      .openMedia(next)
      .then((media) => {
        if (this.#state.rev !== rev || !this.#isSame(next)) return; // the next tick finds the entry that follows now
        this.#take(media);
        if (media) this.#set(this.#start(next), { isMaterial: true });
        else this.#set({ item: next.id, playing: false, live: false, rate: 1, anchorMedia: 0 }, { isMaterial: true });
      })
      .catch((error) => this.#room.failed(error))
      .finally(() => {
        this.#isEnding = false;
      });
  }
}
