/**
 * A person's part in the call of a room: joins it again after each reconnection, sends microphone, camera and
 * screen, and moves from direct connections to the server when the call grows.
 * In: the room's session, buttons. Out: state for components. docs/7-together/calls.md.
 */
import type { CallMedia, CallParticipant, CallSource, RoomCall } from '../../../../src/api/room/call-shapes.ts';
import { DeviceError, type DeviceProblem } from '../../studio/devices.ts';
import type { SendResult } from '../session/outbox.ts';
import type { CallNews, RoomSession } from '../session/room-session.svelte.ts';
import { type LevelMeter, openCamera, openMeter, openMicrophone, openScreen } from './call-devices.ts';
import {
  type CallFigures,
  type CallReading,
  figuresBetween,
  levelBetween,
  readingOf,
  Speakers,
} from './call-figures.ts';
import type { Incoming, OwnTracks } from './call-peer.ts';
import { callPreferences } from './call-preferences.svelte.ts';
import { Forwarded } from './forwarded.ts';
import { type CallMediaLink, Mesh } from './mesh.ts';

/** How often it is looked who speaks, and how often the figures change, milliseconds. */
const LEVELS_MS = 300;
const FIGURES_MS = 3_000;

/** What the room's session offers to a call. */
type CallRoom = Pick<RoomSession, 'id' | 'call' | 'status' | 'onCall' | 'setCallMedia' | 'sendToCall'>;

/** Announced to the room. */
interface Announced extends CallMedia {
  readonly recording: boolean;
}

/** Why something of the call is not possible: a code of the server, a device, or the end by the server. */
export type CallFailure =
  | { readonly of: 'server'; readonly code: string }
  | { readonly of: 'device'; readonly source: CallSource; readonly problem: DeviceProblem }
  | { readonly of: 'ended'; readonly reason: 'muted' | 'stopped' };

const nothing: OwnTracks = { microphone: null, camera: null, screen: null };

/** The part of this browser in a call; `close` with the page. */
export class CallSession {
  /** `lost`: the room's connection is opened again; the call is joined then. */
  phase = $state<'out' | 'joining' | 'in' | 'lost'>('out');
  /** The id of this participant. */
  own = $state('');
  tracks = $state.raw<OwnTracks>(nothing);
  incoming = $state.raw<readonly Incoming[]>([]);
  /** Participants that are connected. */
  connected = $state.raw<ReadonlySet<string>>(new Set());
  speaking = $state.raw<ReadonlySet<string>>(new Set());
  figures = $state.raw<CallFigures | null>(null);
  /** Why the server cannot be reached; null: it is, or is not needed. */
  linkFailure = $state.raw<string | null>(null);
  /** This browser records the call, and the room knows it. */
  isRecording = $state(false);
  /** The microphone is on, except for push to talk. */
  #isOpen = $state(false);
  /** The key or button of push to talk is held. */
  #isHeld = $state(false);
  readonly #room: CallRoom;
  readonly #onFailure: (failure: CallFailure) => void;
  readonly #endListening: () => void;
  readonly #speakers = new Speakers();
  #link: CallMediaLink | null = null;
  #iceServers: ConstructorParameters<typeof Mesh>[0]['iceServers'] = [];
  #announced: Announced = { microphone: false, camera: false, screen: false, recording: false };
  #announcing: Promise<SendResult> | null = null;
  #meter: LevelMeter | null = null;
  #readings: CallReading[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(room: CallRoom, onFailure: (failure: CallFailure) => void) {
    this.#room = room;
    this.#onFailure = onFailure;
    this.#endListening = room.onCall((news) => this.#receive(news));
  }

  /** The others and this one, by the time at which they joined. */
  get participants(): readonly CallParticipant[] {
    return this.#room.call?.participants ?? [];
  }

  /** Others hear this person. */
  get isHeard(): boolean {
    return this.tracks.microphone !== null && (this.#isOpen || this.#isHeld);
  }

  /** Level of the local microphone, 0 to 1. */
  level(): number {
    return this.isHeard ? (this.#meter?.level() ?? 0) : 0;
  }

  /** Takes part: with the microphone if there is one and it may be used, else as a listener. */
  async join(): Promise<void> {
    if (this.phase !== 'out') return;
    this.phase = 'joining';
    this.#isOpen = true;
    await this.#open('microphone');
    if (this.phase === 'joining') await this.#enter();
    else this.#set('microphone', null);
  }

  /** Ends the part in the call. */
  leave(): void {
    if (this.phase === 'in') this.#room.sendToCall({ t: 'call-leave' });
    this.#end();
  }

  /** The connection of the room is open, or not. */
  follow(isOpen: boolean): void {
    if (!isOpen && (this.phase === 'in' || this.phase === 'joining')) {
      this.phase = 'lost';
      // The next part has another id; the room may still show the old one when it is entered again.
      this.own = '';
      this.#closeLink();
    } else if (isOpen && this.phase === 'lost') {
      this.phase = 'joining';
      void this.#enter();
    }
  }

  /** Turns the microphone on or off; requests it again if it could not be used. */
  async setMicrophone(on: boolean): Promise<void> {
    this.#isOpen = on;
    if (on && !this.tracks.microphone) await this.#open('microphone');
    this.#hear();
  }

  /** Push to talk: others hear this person while it is held. */
  hold(on: boolean): void {
    if (on === this.#isHeld) return;
    this.#isHeld = on;
    this.#hear();
  }

  /** Turns camera or screen on or off. */
  async setPicture(source: 'camera' | 'screen', on: boolean): Promise<void> {
    if (on) await this.#open(source);
    else this.#set(source, null);
    const result = await this.#announce();
    if (!result.ok && on && result.code !== 'lost') {
      this.#set(source, null);
      this.#onFailure({ of: 'server', code: result.code });
    } else this.#link?.sendTracks();
  }

  /** Opens a device again after another one was chosen. */
  async reopen(source: 'microphone' | 'camera'): Promise<void> {
    if (!this.tracks[source]) return;
    await this.#open(source);
    this.#hear();
    this.#link?.sendTracks();
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
    const { camera, screen } = this.tracks;
    const media = { microphone: this.isHeard, camera: camera !== null, screen: screen !== null };
    return { ...media, recording: this.isRecording };
  }

  async #enter(): Promise<void> {
    this.#announced = this.#wanted;
    const result = await this.#room.setCallMedia('call-join', this.#announced, this.#announced.recording);
    if (this.phase !== 'joining') {
      if (result.ok && this.phase === 'out') this.#room.sendToCall({ t: 'call-leave' });
    } else if (result.ok) {
      this.phase = 'in';
      this.#timer ??= setInterval(() => void this.#look(), LEVELS_MS);
      void this.#announce();
    } else if (result.code === 'lost') this.phase = 'lost';
    else if (result.code === 'call-pictures' && (this.tracks.camera || this.tracks.screen)) {
      // After a reconnection others show theirs.
      this.#set('camera', null);
      this.#set('screen', null);
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
        result = await this.#room.setCallMedia('call-media', wanted, wanted.recording);
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

  #hear(): void {
    const { microphone } = this.tracks;
    if (microphone) microphone.enabled = this.isHeard;
    void this.#announce();
  }

  async #open(source: CallSource): Promise<void> {
    const { choices } = callPreferences;
    try {
      const track = await (source === 'screen'
        ? openScreen()
        : source === 'camera'
          ? openCamera(choices)
          : openMicrophone(choices));
      if (this.phase === 'out') return track.stop();
      // Unplugged, or ended by the browser's button.
      track.onended = () => {
        if (this.tracks[source] !== track) return;
        this.#set(source, null);
        void this.#announce();
      };
      this.#set(source, track);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      // Who closes the browser's list of screens has decided not to share one.
      if (source !== 'screen' || error.problem !== 'denied')
        this.#onFailure({ of: 'device', source, problem: error.problem });
    }
  }

  #set(source: CallSource, track: MediaStreamTrack | null): void {
    this.tracks[source]?.stop();
    this.tracks = { ...this.tracks, [source]: track };
    if (source === 'microphone') {
      this.#meter?.close();
      this.#meter = track && openMeter(track);
      if (track) track.enabled = this.isHeard;
    }
    if (source === 'microphone' || !track) this.#link?.sendTracks();
  }

  #receive(news: CallNews): void {
    switch (news.t) {
      case 'call-joined':
        this.own = news.participant;
        this.#iceServers = news.iceServers;
        this.#closeLink();
        break;
      case 'call':
        this.#connect(news.call);
        break;
      case 'call-signal':
        if (this.#link instanceof Mesh) void this.#link.receive(news.from, news.signal);
        break;
      case 'call-slots':
        if (this.#link instanceof Forwarded) this.#link.assign(news.slots);
        break;
      case 'call-ended':
        this.#end();
        this.#onFailure({ of: 'ended', reason: news.reason });
    }
  }

  /** Connects as the call says. */
  #connect(call: RoomCall | null): void {
    const isIn =
      (this.phase === 'joining' || this.phase === 'in') && call?.participants.some(({ id }) => id === this.own);
    if (!call || !isIn) return;
    const parts = {
      own: this.own,
      iceServers: this.#iceServers,
      tracks: () => this.tracks,
      changed: () => this.#changed(),
    };
    if (call.mode === 'forwarded') {
      if (this.#link instanceof Forwarded) return;
      this.#closeLink();
      this.#link = new Forwarded({ ...parts, room: this.#room.id });
    } else {
      const mesh =
        this.#link instanceof Mesh
          ? this.#link
          : new Mesh({
              ...parts,
              send: (to, signal) => this.#room.sendToCall({ t: 'call-signal', to, signal }),
            });
      this.#link = mesh;
      mesh.update(call.participants);
    }
    this.#changed();
  }

  #changed(): void {
    const link = this.#link;
    this.incoming = link?.incoming ?? [];
    this.linkFailure = link?.failure?.code ?? null;
    this.connected = new Set(this.participants.filter(({ id }) => link?.isConnected(id)).map(({ id }) => id));
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    const stats = await Promise.all(this.#link?.connections.map((connection) => connection.getStats()) ?? []);
    const reading = readingOf(
      stats.flatMap((report) => [...report.values()]),
      nowMs,
    );
    const before = this.#readings.at(-1);
    this.#readings.push(reading);
    const levels = new Map([[this.own, this.level()]]);
    for (const { from, source, receiver } of before ? this.incoming : []) {
      if (source === 'microphone') levels.set(from, levelBetween(before!, reading, receiver.track.id));
    }
    const speaking = this.#speakers.next(levels, nowMs);
    if (!hasSame(speaking, this.speaking)) this.speaking = speaking;
    const first = this.#readings[0]!;
    if (nowMs - first.atMs < FIGURES_MS) return;
    this.figures = figuresBetween(first, reading);
    this.#readings = [reading];
  }

  #closeLink(): void {
    this.#link?.close();
    this.#link = null;
    this.#changed();
  }

  #end(): void {
    this.phase = 'out';
    this.isRecording = false;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#closeLink();
    for (const source of ['microphone', 'camera', 'screen'] as const) this.#set(source, null);
    this.#isHeld = false;
    this.own = '';
    this.speaking = new Set();
    this.figures = null;
    this.#readings = [];
  }
}

function hasSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}

function isSame(a: Announced, b: Announced): boolean {
  return (['microphone', 'camera', 'screen', 'recording'] as const).every((field) => a[field] === b[field]);
}
