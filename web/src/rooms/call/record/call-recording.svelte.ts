/**
 * Records a call as a stream: this browser composes the call and publishes it, as long as the room shows who
 * records.
 * In: the call, the choices of the user. Out: fields for the dialog and the bar. docs/7-together/calls.md.
 */
import { suggestName } from '../../../../../src/api/source/suggested-name.ts';
import { ApiError, type Failure } from '../../../api/client.ts';
import { Broadcast, type BroadcastMedia, type Quality, qualities } from '../../../studio/broadcast.svelte.ts';
import { isTextKey } from '../../../text/text.ts';
import { t } from '../../../viewer/preferences.svelte.ts';
import type { CallSession } from '../call-session.svelte.ts';
import { tilesOf, trackOf, voicesOf } from '../call-tiles.ts';
import { CallMixer, type CallScene } from './call-mixer.ts';

/** Why the room does not let this browser record. */
function refusal(code: string): Failure {
  const key = `call.refused.${code}`;
  const hint = isTextKey(key) ? t(key) : t('call.refused', { code });
  return { code: `record-${code}`, status: 0, title: t('callRecord.refused'), hint };
}

/** The recordings of a call, one after the other; `close` with the part in the call. */
export class CallRecording {
  readonly broadcast: Broadcast;
  quality = $state<Quality>('720');
  readonly #call: CallSession;
  #mixer: CallMixer | null = null;

  /** @param room its name, from which that of a new stream is derived */
  constructor(call: CallSession, room: string) {
    this.#call = call;
    this.broadcast = new Broadcast({
      stream: '',
      newName: suggestName(`call ${room}`, '', []),
      label: t('callRecord.keyLabel'),
      onRefused: () => void this.#end(),
    });
    this.broadcast.open();
  }

  /** What the lamp shows; live is what the server has, not what is sent. */
  get state(): 'off' | 'connecting' | 'live' | 'reconnecting' {
    const { state, view } = this.broadcast;
    return state === 'live' && view?.state !== 'live' ? 'connecting' : state;
  }

  /** Creates the stream, lets the room show who records, then publishes. */
  start(): Promise<void> {
    return this.broadcast.start(() => this.#open());
  }

  /** Ends the stream, then the note in the room. */
  async stop(): Promise<void> {
    await this.broadcast.stop();
    await this.#end();
  }

  close(): void {
    this.broadcast.close();
    void this.#end();
  }

  /** Nothing is composed before the room shows who records. */
  async #open(): Promise<BroadcastMedia> {
    const shown = await this.#call.setRecording(true);
    if (!shown.ok) throw new ApiError(refusal(shown.code));
    if (!this.broadcast.isOn) return { video: null, audio: null, maxBitrate: 0 }; // stopped meanwhile
    const { width, height, bitrate } = qualities[this.quality];
    this.#mixer?.close();
    this.#mixer = new CallMixer({ width, height }, () => this.#scene());
    return { video: this.#mixer.video, audio: this.#mixer.audio, maxBitrate: bitrate };
  }

  async #end(): Promise<void> {
    this.#mixer?.close();
    this.#mixer = null;
    await this.#call.setRecording(false);
  }

  #scene(): CallScene {
    const { own: ownId, participants, media, transport, statistics } = this.#call;
    const callMedia = { own: ownId, tracks: media.tracks, incoming: transport.incoming };
    const tiles = tilesOf(participants).map((tile) => {
      const { key, participant, source } = tile;
      const { id, name, microphone } = participant;
      const isScreen = source === 'screen';
      return {
        key,
        name,
        isScreen,
        track: trackOf(tile, callMedia),
        label: isScreen ? t('call.screenOf', { name }) : name,
        isMuted: !microphone,
        isSpeaking: statistics.speaking.has(id),
      };
    });
    return { tiles, voices: voicesOf(callMedia) };
  }
}
