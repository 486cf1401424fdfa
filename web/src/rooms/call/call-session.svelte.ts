/**
 * A person's part in the call of a room: joins it again after each reconnection, and announces to the room
 * what this browser sends and whether it records.
 * In: the room's session, buttons. Out: state for components; own media, connections and statistics of the
 * call. docs/7-together/calls.md.
 */
import type { CallIceServer, CallMedia, CallParticipant, RoomCall } from '../../../../src/api/room/call-shapes.ts';
import type { CallNews } from '../session/call-signaling.ts';
import type { SendResult } from '../session/outbox.ts';
import type { RoomSession } from '../session/room-session.svelte.ts';
import type { CallFailure } from './call-failure.ts';
import { CallStatistics } from './call-statistics.svelte.ts';
import { CallTransport } from './call-transport.svelte.ts';
import { OwnMedia } from './own-media.svelte.ts';

/** What the room's session offers to a call. */
type CallRoom = Pick<RoomSession, 'id' | 'view' | 'signaling'>;

/** Announced to the room. */
interface Announced extends CallMedia {
  readonly recording: boolean;
}

/** The part of this browser in a call; `close` with the page. */
export class CallSession {
  /** `lost`: the room's connection is opened again; the call is joined then. */
  phase = $state<'out' | 'joining' | 'in' | 'lost'>('out');
  /** The id of this participant. */
  own = $state('');
  /** This browser records the call, and the room knows it. */
  isRecording = $state(false);
  readonly media: OwnMedia;
  readonly transport: CallTransport;
  readonly statistics: CallStatistics;
  readonly #room: CallRoom;
  readonly #onFailure: (failure: CallFailure) => void;
  readonly #endListening: () => void;
  #iceServers: readonly CallIceServer[] = [];
  #announced: Announced = { microphone: false, camera: false, screen: false, recording: false };
  #announcing: Promise<SendResult> | null = null;

  constructor(room: CallRoom, onFailure: (failure: CallFailure) => void) {
    this.#room = room;
    this.#onFailure = onFailure;
    this.media = new OwnMedia({
      isWanted: () => this.phase !== 'out',
      announce: () => this.#announce(),
      sendTracks: () => this.transport.sendTracks(),
      onFailure,
    });
    this.transport = new CallTransport({
      room: room.id,
      participants: () => this.participants,
      tracks: () => this.media.tracks,
      send: (to, signal) => room.signaling.send({ t: 'call-signal', to, signal }),
    });
    this.statistics = new CallStatistics({
      own: () => this.own,
      level: () => this.media.level(),
      connections: () => this.transport.connections,
      incoming: () => this.transport.incoming,
    });
    this.#endListening = room.signaling.onNews((news) => this.#receive(news));
  }

  /** The others and this one, by the time at which they joined. */
  get participants(): readonly CallParticipant[] {
    return this.#room.view.call?.participants ?? [];
  }

  /** Takes part: with the microphone if there is one and it may be used, else as a listener. */
  async join(): Promise<void> {
    if (this.phase !== 'out') return;
    this.phase = 'joining';
    await this.media.setMicrophone(true);
    if (this.phase === 'joining') await this.#enter();
    else this.media.stop('microphone');
  }

  /** Ends the part in the call. */
  leave(): void {
    if (this.phase === 'in') this.#room.signaling.send({ t: 'call-leave' });
    this.#end();
  }

  /** The connection of the room is open, or not. */
  follow(isOpen: boolean): void {
    if (!isOpen && (this.phase === 'in' || this.phase === 'joining')) {
      this.phase = 'lost';
      // The next part has another id; the room may still show the old one when it is entered again.
      this.own = '';
      this.transport.close();
    } else if (isOpen && this.phase === 'lost') {
      this.phase = 'joining';
      void this.#enter();
    }
  }

  /**
   * Says to the room that this browser records the call, or no longer does. Record only after it is accepted.
   */
  async setRecording(on: boolean): Promise<SendResult> {
    if (on && this.phase !== 'in') return { ok: false, code: 'lost', detail: '' };
    this.isRecording = on;
    const result = await this.#announce();
    if (!result.ok && on) this.isRecording = false;
    return result;
  }

  close(): void {
    this.leave();
    this.#endListening();
  }

  get #wanted(): Announced {
    return { ...this.media.sent, recording: this.isRecording };
  }

  async #enter(): Promise<void> {
    this.#announced = this.#wanted;
    const result = await this.#room.signaling.setMedia('call-join', this.#announced, this.#announced.recording);
    if (this.phase !== 'joining') {
      if (result.ok && this.phase === 'out') this.#room.signaling.send({ t: 'call-leave' });
    } else if (result.ok) {
      this.phase = 'in';
      this.statistics.start();
      void this.#announce();
    } else if (result.code === 'lost') this.phase = 'lost';
    else if (result.code === 'call-pictures' && (this.media.tracks.camera || this.media.tracks.screen)) {
      // After a reconnection others show theirs.
      this.media.stop('camera');
      this.media.stop('screen');
      this.#onFailure({ of: 'server', code: result.code });
      await this.#enter();
    } else if (result.code === 'call-record' && this.isRecording) {
      this.isRecording = false;
      this.#onFailure({ of: 'server', code: result.code });
      await this.#enter();
    } else {
      this.#end();
      this.#onFailure({ of: 'server', code: result.code });
    }
  }

  /** Sends the room what this page sends in the call; the last of several changes wins. */
  #announce(): Promise<SendResult> {
    this.#announcing ??= (async () => {
      let result: SendResult = { ok: true };
      while (this.phase === 'in' && !isSame(this.#announced, this.#wanted)) {
        const wanted = this.#wanted;
        result = await this.#room.signaling.setMedia('call-media', wanted, wanted.recording);
        if (result.ok) this.#announced = wanted;
        else if (result.retryAfterMs === undefined) break;
        else await new Promise((resolve) => setTimeout(resolve, (result as { retryAfterMs: number }).retryAfterMs));
      }
      return result;
    })().finally(() => {
      this.#announcing = null;
    });
    return this.#announcing;
  }

  #receive(news: CallNews): void {
    switch (news.t) {
      case 'call-joined':
        this.own = news.participant;
        this.#iceServers = news.iceServers;
        this.transport.close();
        break;
      case 'call':
        this.#connect(news.call);
        break;
      case 'call-signal':
      case 'call-slots':
        this.transport.receive(news);
        break;
      case 'call-ended':
        this.#end();
        this.#onFailure({ of: 'ended', reason: news.reason });
    }
  }

  #connect(call: RoomCall | null): void {
    if (!call || (this.phase !== 'joining' && this.phase !== 'in')) return;
    if (!call.participants.some(({ id }) => id === this.own)) return;
    this.transport.connect(call, { own: this.own, iceServers: this.#iceServers });
  }

  #end(): void {
    this.phase = 'out';
    this.isRecording = false;
    this.transport.close();
    this.media.close();
    this.own = '';
    this.statistics.stop();
  }
}

function isSame(a: Announced, b: Announced): boolean {
  return (['microphone', 'camera', 'screen', 'recording'] as const).every((field) => a[field] === b[field]);
}
