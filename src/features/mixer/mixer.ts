/**
 * A mixer: publishes one of several live streams as another stream, and changes between them.
 * In: live streams, cuts of users. Out: the session of a publisher; cuts, for markers and events.
 */
import { isAbort, sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import { Mix, type MixChange } from './mix.ts';
import { type InputSource, MixerInput } from './mixer-input.ts';
import type { StoredMixer } from './mixer-table.ts';

/** Interval at which stalled inputs are detected and frames of bursts released, ms. */
const TICK_MS = 20;
/** Pause before it publishes again, ms. */
const AGAIN_MS = 1000;
/** An input that was away is shown again after it has had media for this long, µs. */
const STEADY_US = 5_000_000;

/** A cut that has been made. */
export interface MadeCut {
  readonly input: string;
  readonly from: string | null;
  /** Of the first picture, µs since 1970. */
  readonly atUs: number;
  /** Empty: the mixer cut, because of inputs without media. */
  readonly by: string;
  readonly isDiscontinuity: boolean;
}

/** What a mixer is opened with. */
interface MixerSetup {
  readonly stream: ManagedStream;
  readonly stored: StoredMixer;
  /** The frames of a stream by name; the same object while they come from the same place. */
  readonly find: (name: string) => InputSource | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly onCut: (cut: MadeCut) => void;
}

/** A running mixer. */
export class Mixer {
  readonly stream: ManagedStream;
  stored: StoredMixer;
  readonly #setup: MixerSetup;
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;
  #timer: NodeJS.Timeout;
  #inputs = new Map<string, MixerInput>();
  #mix: Mix | undefined;
  #problem = 'it has not begun to publish';
  /** Who made the last cut, until it is on air. */
  #by = '';
  #cuts = 0;
  #discontinuities = 0;

  constructor(setup: MixerSetup) {
    this.#setup = setup;
    this.stream = setup.stream;
    this.stored = setup.stored;
    this.follow();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#running = this.#run(this.#closed.signal);
  }

  get inputs(): readonly MixerInput[] {
    return [...this.#inputs.values()];
  }

  /** What it does now. */
  get state(): {
    readonly onAir: MixerInput | undefined;
    readonly next: MixerInput | undefined;
    readonly cuts: number;
    readonly discontinuities: number;
    readonly problem: string;
  } {
    const onAir = this.#mix?.onAir;
    const problem = onAir ? '' : this.#mix ? 'no input has media' : this.#problem;
    return { onAir, next: this.#mix?.next, cuts: this.#cuts, discontinuities: this.#discontinuities, problem };
  }

  /** Takes other settings, or streams that were created and removed. */
  follow(stored = this.stored): void {
    this.stored = stored;
    const { inputs } = stored.config;
    for (const [name, input] of this.#inputs) {
      if (inputs.includes(name)) continue;
      this.#inputs.delete(name);
      input.close();
    }
    const calls = {
      run: (input: MixerInput) => this.#onRun(input),
      frame: (input: MixerInput, frame: Parameters<Mix['frame']>[1]) => this.#guard((mix) => mix.frame(input, frame)),
    };
    // In the order of the keys.
    this.#inputs = new Map(
      inputs.map((name) => [name, this.#inputs.get(name) ?? new MixerInput(name, this.#setup.clock, calls)]),
    );
    for (const input of this.#inputs.values()) input.follow(this.#setup.find(input.name));
    this.#choose();
  }

  /**
   * Shows an input.
   *
   * @param by who cuts
   * @throws OxbowError `mixer-input`, `mixer-input-offline`
   */
  cut(name: string, { isNow, by }: { readonly isNow: boolean; readonly by: string }): void {
    const input = this.#inputs.get(name);
    if (!input) throw new OxbowError('mixer-input', `${this.stream.name} has no input ${name.slice(0, 64)}.`);
    if (!input.isLive) throw new OxbowError('mixer-input-offline', `The input ${name} has no media.`);
    this.stored = { ...this.stored, chosen: name };
    this.#by = by;
    this.#choose();
    const isNext = this.#mix?.next === input;
    // It is on air already, or nothing is: the next change is not of this user.
    if (!isNext) this.#by = '';
    if (isNow && isNext) input.requestKeyFrame();
  }

  /** Stops publishing. May be called twice. */
  async close(): Promise<void> {
    this.#closed.abort();
    clearInterval(this.#timer);
    await this.#running;
    for (const input of this.#inputs.values()) input.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#publish(signal);
      } catch (error) {
        if (isAbort(error) && signal.aborted) return;
        this.#problem = reasonOf(error);
      }
      await sleep(AGAIN_MS, { signal }).catch(() => {}); // it rejects only on abort, which ends the loop
    }
  }

  /** Publishes until the session ends. */
  async #publish(signal: AbortSignal): Promise<void> {
    const { publishers, definition } = this.stream;
    const { active } = publishers;
    const { type } = definition.source;
    // It was changed since: each claim would be reported as a refused publisher.
    if (type !== 'push') {
      this.#problem = `the source of the stream is of type ${type}, not push`;
      return;
    }
    if (!publishers.isRunning || active) {
      this.#problem = active ? 'another publisher is connected to the stream' : 'the stream is stopped';
      return;
    }
    const publisher = await publishers.claim({
      protocol: 'mixer',
      remote: '',
      signal,
      requestKeyFrame: () => void this.#mix?.onAir?.requestKeyFrame(),
    });
    const ended = new Promise<void>((resolve) => {
      publisher.signal.addEventListener('abort', () => resolve(), { once: true });
      if (publisher.signal.aborted) resolve();
    });
    this.#mix = new Mix({ publisher, clock: this.#setup.clock, onChange: (change) => this.#onChange(change) });
    this.#choose();
    await ended;
    this.#mix = undefined;
    this.#problem = publisher.signal.reason instanceof OxbowError ? reasonOf(publisher.signal.reason) : '';
  }

  #onRun(input: MixerInput): void {
    if (!input.tracks) this.#guard((mix) => mix.ended(input));
    this.#choose();
  }

  /** Looks for inputs that have stalled or returned, and releases frames of bursts; called all the time. */
  tick(): void {
    for (const input of this.#inputs.values()) input.tick();
    this.#guard((mix) => mix.tick());
    this.#choose();
  }

  /** Decides which input is shown, and has it shown. */
  #choose(): void {
    const { chosen, config } = this.stored;
    const input = this.#wanted(chosen, config.fallback);
    const sound = config.sound === null ? undefined : this.#inputs.get(config.sound);
    this.#guard((mix) => {
      if (!input) {
        mix.absent();
        return;
      }
      if (input.name !== chosen) this.#by = '';
      const isNew = mix.onAir !== input && mix.next !== input;
      mix.show(input, sound);
      // What is on air has ended: nothing is gained by waiting for a key frame.
      if (isNew && !mix.onAir?.isLive) input.requestKeyFrame();
    });
  }

  #wanted(chosen: string, fallback: string | null): MixerInput | undefined {
    const first = this.#inputs.get(chosen) ?? this.#inputs.values().next().value;
    const second = fallback === null ? undefined : this.#inputs.get(fallback);
    if (!first?.isLive) return second?.isLive ? second : undefined;
    // It has returned: not at once, so that a bad line does not cut back and forth.
    const isAway = second && second !== first && second.isLive && this.#mix?.onAir === second && this.#by === '';
    return isAway && first.liveForUs < STEADY_US ? second : first;
  }

  /** A bug ends the session, not the streams that it reads. */
  #guard(call: (mix: Mix) => void): void {
    const mix = this.#mix;
    if (!mix) return;
    try {
      call(mix);
    } catch (error) {
      this.#mix = undefined;
      const { log } = this.#setup;
      log.error({ stream: this.stream.name, error: reasonOf(error) }, 'a mixer failed');
      mix.close();
    }
  }

  #onChange({ input, from, atUs, isDiscontinuity, isReturn }: MixChange): void {
    const by = this.#by;
    this.#by = '';
    if (isDiscontinuity) this.#discontinuities++;
    if (isReturn) return;
    this.#cuts++;
    const utcUs = this.#mix!.utcOf(atUs);
    this.#setup.onCut({ input: input.name, from: from?.name ?? null, atUs: utcUs, by, isDiscontinuity });
  }
}
