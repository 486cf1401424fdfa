/**
 * Mixes sounds into one track, and measures it: the microphone and a shared tab, or the voices of a call.
 * In: media streams. Out: one stereo track that exists from the start, the level of the mix, a clock. Nothing
 * is played. Web Audio API.
 */

/** One mix; `close` ends it. The streams stay the caller's. */
export class SoundMix {
  readonly #context = new AudioContext({ latencyHint: 'interactive' });
  readonly #out = this.#context.createMediaStreamDestination();
  readonly #meter = this.#context.createAnalyser();
  readonly #samples = new Float32Array(1024);
  readonly #inputs = new Map<string, { readonly source: MediaStreamAudioSourceNode; readonly gain: GainNode }>();
  readonly #muted = new Set<string>();
  #isClosed = false;

  constructor() {
    this.#meter.fftSize = this.#samples.length;
    // Many voices at once would be clipped: above -3 dB the mix is held down.
    const limiter = new DynamicsCompressorNode(this.#context, { threshold: -3, knee: 0, ratio: 20, attack: 0.003 });
    this.#meter.connect(limiter).connect(this.#out);
  }

  /** The mix; silent without inputs. */
  get track(): MediaStreamTrack {
    return this.#out.stream.getAudioTracks()[0]!;
  }

  /** Sets an input; null, or a stream without sound, removes it. */
  set(input: string, stream: MediaStream | null): void {
    this.#inputs.get(input)?.source.disconnect();
    this.#inputs.delete(input);
    if (!stream || stream.getAudioTracks().length === 0) return;
    void this.#context.resume(); // it is suspended if it was made before the first press on the page
    const source = this.#context.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
    const gain = this.#context.createGain();
    source.connect(gain).connect(this.#meter);
    this.#inputs.set(input, { source, gain });
    this.#apply(input);
  }

  /** Whether there is an input of this name. */
  has(input: string): boolean {
    return this.#inputs.has(input);
  }

  /** Silences an input, also one that is set later. */
  mute(input: string, isMuted: boolean): void {
    if (isMuted) this.#muted.add(input);
    else this.#muted.delete(input);
    this.#apply(input);
  }

  /** Loudest sample of the last 20 ms, 0 to 1. */
  level(): number {
    this.#meter.getFloatTimeDomainData(this.#samples);
    return Math.min(
      1,
      this.#samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0),
    );
  }

  /**
   * Calls `tick` again and again until `close`, by the clock of the sound: it runs while the tab is hidden,
   * where timers are slowed down.
   *
   * @param periodS seconds; a late tick does not come twice
   */
  every(periodS: number, tick: () => void): void {
    const context = this.#context;
    const silent = new GainNode(context, { gain: 0 });
    silent.connect(this.#out);
    void context.resume();
    let at = context.currentTime;
    const next = () => {
      at = Math.max(at + periodS, context.currentTime);
      const source = new ConstantSourceNode(context); // it plays once
      source.connect(silent);
      source.onended = () => {
        source.disconnect();
        if (this.#isClosed) return; // a source may end while the context is being closed
        next();
        tick();
      };
      source.start();
      source.stop(at);
    };
    next();
  }

  close(): void {
    this.#isClosed = true;
    for (const input of [...this.#inputs.keys()]) this.set(input, null);
    this.track.stop();
    if (this.#context.state !== 'closed') void this.#context.close();
  }

  /** Within 20 ms instead of at once: a step would be heard as a click. */
  #apply(input: string): void {
    const value = this.#muted.has(input) ? 0 : 1;
    this.#inputs.get(input)?.gain.gain.setTargetAtTime(value, this.#context.currentTime, 0.005);
  }
}
