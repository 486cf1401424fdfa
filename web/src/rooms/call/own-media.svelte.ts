/**
 * What this browser sends in a call: microphone, camera and screen, and whether the microphone is heard.
 * In: buttons and keys, devices of the browser. Out: tracks, and the media that the room is to know of.
 */
import type { CallMedia, CallSource } from '../../../../src/api/room/call-shapes.ts';
import { DeviceError } from '../../studio/devices.ts';
import type { SendResult } from '../session/outbox.ts';
import { type LevelMeter, openCamera, openMeter, openMicrophone, openScreen } from './call-devices.ts';
import type { CallFailure } from './call-failure.ts';
import { type OwnTracks, sources } from './call-peer.ts';
import { callPreferences } from './call-preferences.svelte.ts';

/** The call that the media is for. */
interface MediaUse {
  /** This person takes part: devices that open after the end are closed again. */
  readonly isWanted: () => boolean;
  /** Notifies the room of what is sent now. */
  readonly announce: () => Promise<SendResult>;
  /** Sends the tracks as they are now. */
  readonly sendTracks: () => void;
  readonly onFailure: (failure: CallFailure) => void;
}

/** The sources of this browser; `close` stops all of them, and they can be turned on again. */
export class OwnMedia {
  tracks = $state.raw<OwnTracks>({ microphone: null, camera: null, screen: null });
  /** The microphone is on, except for push to talk. */
  #isOpen = $state(false);
  /** The key or button of push to talk is held. */
  #isHeld = $state(false);
  readonly #use: MediaUse;
  #meter: LevelMeter | null = null;

  constructor(use: MediaUse) {
    this.#use = use;
  }

  /** Others hear this person. */
  get isHeard(): boolean {
    return this.tracks.microphone !== null && (this.#isOpen || this.#isHeld);
  }

  /** What the room shows of this person. */
  get sent(): CallMedia {
    const { camera, screen } = this.tracks;
    return { microphone: this.isHeard, camera: camera !== null, screen: screen !== null };
  }

  /** Level of the local microphone, 0 to 1. */
  level(): number {
    return this.isHeard ? (this.#meter?.level() ?? 0) : 0;
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
    else this.stop(source);
    const result = await this.#use.announce();
    if (!result.ok && on && result.code !== 'lost') {
      this.stop(source);
      this.#use.onFailure({ of: 'server', code: result.code });
    } else this.#use.sendTracks();
  }

  /** Opens a device again after another one was chosen. */
  async reopen(source: 'microphone' | 'camera'): Promise<void> {
    if (!this.tracks[source]) return;
    await this.#open(source);
    this.#hear();
    this.#use.sendTracks();
  }

  stop(source: CallSource): void {
    this.#set(source, null);
  }

  close(): void {
    for (const source of sources) this.stop(source);
    this.#isHeld = false;
  }

  #hear(): void {
    const { microphone } = this.tracks;
    if (microphone) microphone.enabled = this.isHeard;
    void this.#use.announce();
  }

  async #open(source: CallSource): Promise<void> {
    const { choices } = callPreferences;
    try {
      const track = await (source === 'screen'
        ? openScreen()
        : source === 'camera'
          ? openCamera(choices)
          : openMicrophone(choices));
      if (!this.#use.isWanted()) return track.stop();
      // Unplugged, or ended by the browser's button.
      track.onended = () => {
        if (this.tracks[source] !== track) return;
        this.stop(source);
        void this.#use.announce();
      };
      this.#set(source, track);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      // Who closes the browser's list of screens has decided not to share one.
      if (source !== 'screen' || error.problem !== 'denied')
        this.#use.onFailure({ of: 'device', source, problem: error.problem });
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
    if (source === 'microphone' || !track) this.#use.sendTracks();
  }
}
