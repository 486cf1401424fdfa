/**
 * One stream's life: opened from its recording, started, stopped, lingering, closed.
 * In: a definition and the house. Out: a live stream with its packager and recorder; what delivery and the API show of it.
 */
import type { StreamState } from '../api/shapes.ts';
import type { MediaRates, SourceFacts } from '../api/source-facts.ts';
import type { Deliverable } from '../delivery/deliverable.ts';
import { messageOf } from '../lib/errors.ts';
import { HOLE_US, type Stream, type StreamEvent } from '../live/stream.ts';
import type { Absence } from '../media/segment.ts';
import type { Generation } from '../packager/generation.ts';
import type { LiveList } from '../packager/live-list.ts';
import type { InitTable } from '../recording/init-table.ts';
import type { Recorded } from '../recording/recorded.ts';
import type { Keeping } from '../recording/retention.ts';
import { missingSince, type TimelineEnd } from '../recording/timeline.ts';
import { horizonUs } from '../recording/window.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import type { House } from './house.ts';
import { writePresence } from './presence.ts';
import { StreamEvents } from './stream-events.ts';
import { openStreamParts, type StreamParts } from './stream-parts.ts';

/** A source that came back may bring this much of what was missed, µs. */
const LATE_US = 60_000_000;

/** A stream that this process runs. */
export class ManagedStream implements Deliverable {
  readonly #house: House;
  readonly #parts: StreamParts;
  readonly #events: StreamEvents;
  #definition: StreamDefinition;
  #source: { readonly controller: AbortController; readonly done: Promise<void> } | undefined;
  /** The source said that media is missing since it was started or flowed last. */
  #isMissing = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  #liveSinceUs: number | undefined;
  #goneBeforeUs: number;
  #savedGeneration: Generation | undefined;
  #saving: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #problem = '';
  #facts: SourceFacts | undefined;

  private constructor(house: House, definition: StreamDefinition, parts: StreamParts) {
    this.#house = house;
    this.#definition = definition;
    this.#events = new StreamEvents(house.events, () => this.#definition);
    this.#parts = parts;
    this.#goneBeforeUs = parts.goneBeforeUs;
    this.#savedGeneration = parts.list.generation;
    parts.stream.events.subscribe((event) => this.#onEvent(event));
    parts.packager.groups.subscribe((group) => {
      house.metrics.segments.inc({ stream: definition.name }, group.tracks.length);
      if (this.#definition.record) parts.recorder.write(group);
      else parts.recorder.skip(group);
      this.#saveGeneration();
    });
  }

  /** Recovers the stream's files, and makes it ready to start where it ended. Abort ends recovery. */
  static async open(
    house: House,
    definition: StreamDefinition,
    options: { signal: AbortSignal },
  ): Promise<ManagedStream> {
    return new ManagedStream(house, definition, await openStreamParts(house, definition, options));
  }

  get definition(): StreamDefinition {
    return this.#definition;
  }

  get name(): string {
    return this.#definition.name;
  }

  get createdUs(): number {
    return this.#definition.createdUs;
  }

  get list(): LiveList {
    return this.#parts.list;
  }

  get recorded(): Recorded {
    return this.#parts.recorded;
  }

  get inits(): InitTable {
    return this.#parts.inits;
  }

  /** Live frames, for tests and other sinks' owners. */
  get stream(): Stream {
    return this.#parts.stream;
  }

  /** What it is doing now. */
  get state(): StreamState {
    if (!this.#source) return 'stopped';
    if (this.stream.context) return 'live';
    return this.#isMissing ? 'waiting' : 'starting';
  }

  /** Why it is not live, for a person. */
  get problem(): string {
    return this.state === 'live' ? '' : this.#problem;
  }

  /** What the source said of itself last; undefined until it was asked. */
  get facts(): SourceFacts | undefined {
    return this.#facts;
  }

  /** What flows now, as it is measured. */
  get rates(): MediaRates | undefined {
    return this.stream.context && this.#parts.meter.rates;
  }

  /** Start of the run that flows now, µs since 1970. */
  get liveSinceUs(): number | undefined {
    return this.stream.context ? this.#liveSinceUs : undefined;
  }

  /** What is missing from `fromUs`, the end of what is recorded, until now; see recording/timeline. */
  absencesSince(fromUs: number): Absence[] {
    return missingSince(this.#parts.recorder.absences, this.stream, fromUs, { waits: !this.isQuiet });
  }

  /** What the end of its timeline and retention's edge are now. */
  get timelineEnd(): TimelineEnd {
    return {
      createdUs: this.createdUs,
      horizonUs: this.horizonUs(),
      pinned: this.#house.pins.ranges(this.#definition.id),
      absencesSince: (fromUs) => this.absencesSince(fromUs),
    };
  }

  starting(): boolean {
    return this.state === 'starting' || (this.state === 'live' && !this.list.ready);
  }

  settled(us: number): boolean {
    if (this.recorded.endUs >= us) return true;
    return this.state !== 'live' && this.isQuiet && this.#nowUs() >= us + LATE_US;
  }

  /** Nothing that was published waits for the disk. */
  get isQuiet(): boolean {
    return this.#parts.recorder.isQuiet;
  }

  horizonUs(): number {
    return Math.max(this.#goneBeforeUs, horizonUs(this.#house.clock.nowMs(), this.keeping.keepMs));
  }

  /** Retention deleted everything before `us` (since 1970) but what is pinned. */
  forgot(us: number): void {
    this.#goneBeforeUs = Math.max(this.#goneBeforeUs, us);
  }

  /** What retention keeps of it. */
  get keeping(): Keeping {
    return { streamId: this.#definition.id, keepMs: this.#definition.keepMs ?? this.#house.config.record.keep };
  }

  /** Takes over changed settings that need no restart: recording, keeping, visibility, name of a person's choice. */
  redefine(definition: StreamDefinition): void {
    const wasRecorded = this.#definition.record;
    this.#definition = definition;
    if (wasRecorded && !definition.record) void this.#parts.recorder.seal(); // never rejects
    this.#events.redefined();
  }

  /** Runs the source; does nothing when it runs, or after `close`. */
  start(): void {
    if (this.#source || this.#closing) return;
    const controller = new AbortController();
    this.#problem = '';
    this.#isMissing = false;
    const onFacts = (facts: SourceFacts) => {
      if (!controller.signal.aborted) this.#facts = facts;
    };
    const done = this.#house.runSource(this.#definition, this.stream, { signal: controller.signal, onFacts }).then(
      (ended) => this.#onSourceEnd(controller, ended),
      (error: unknown) => {
        this.#house.metrics.bugs.inc();
        this.#house.log.error(
          { ...sourceFields(this.#definition), error: messageOf(error), stack: (error as Error).stack },
          'a source failed',
        );
        this.#onSourceEnd(controller, 'oxbow made a mistake; the log says more');
      },
    );
    this.#source = { controller, done };
  }

  /** Stops the source and closes the live list at once. Resolves when nothing of it runs any more. */
  async stop(detail: string): Promise<void> {
    await this.#endSource(detail);
    this.stream.offline(detail);
    this.#problem = detail;
    this.#endList();
  }

  /**
   * Stops, seals what is open, and remembers that the process ended in order. The live list stays open for the next process.
   * May be called twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#endSource('oxbow is shutting down');
    this.stream.offline(this.#definition.stopped ? this.#problem || 'stopped' : 'oxbow was stopped');
    this.#stopLingering();
    await this.#parts.recorder[Symbol.asyncDispose]();
    this.#save(true);
    await this.#saving;
  }

  async #endSource(why: string): Promise<void> {
    const source = this.#source;
    if (!source) return;
    source.controller.abort(new DOMException(why, 'AbortError'));
    await source.done;
    if (this.#source === source) this.#source = undefined;
  }

  #onSourceEnd(controller: AbortController, ended: string): void {
    if (controller.signal.aborted) return;
    this.#source = undefined;
    this.stream.offline(ended);
    this.#problem = ended;
    this.#endList();
  }

  #onEvent(event: StreamEvent): void {
    const { metrics, log } = this.#house;
    this.#events.hear(event);
    const stream = this.name;
    switch (event.type) {
      case 'run': {
        this.#stopLingering();
        this.#problem = '';
        this.#isMissing = false;
        const { run, startUs, absences } = event.context;
        // A soft re-anchor only fixes the clock anew: media never stopped.
        if (!event.context.soft) this.#liveSinceUs = startUs;
        for (const { cause } of absences) if (cause !== 'offline') metrics.gaps.inc({ stream, cause });
        log.info(
          {
            ...sourceFields(this.#definition),
            run: run.id,
            from: new Date(startUs / 1000).toISOString(),
            clock: run.clock,
            absences: absences.length,
          },
          'media flows',
        );
        this.#save(false);
        break;
      }
      case 'absent':
        this.#problem = event.detail;
        if (event.cause !== 'offline') {
          this.#isMissing = true;
          log.warn({ ...sourceFields(this.#definition), cause: event.cause, detail: event.detail }, 'media is missing');
        }
        // The next media is another run, and that another file.
        void this.#parts.recorder.seal(); // never rejects
        if (!this.#closing) this.#linger();
        this.#save(false);
        break;
      case 'damage':
        metrics.damage.inc({ stream });
        log.debug({ ...sourceFields(this.#definition), reason: event.reason }, 'damaged media');
        break;
      case 'keyless':
        log.warn(
          sourceFields(this.#definition),
          'no key frame for 10 s: set the key frame interval of the encoder to 2 s',
        );
        break;
    }
  }

  /** The live list stays open for a while: whoever comes back goes on in the same list (MEDIA.md, Cutting 11). */
  #linger(): void {
    // From the first word of it on: a source that says again and again that it is down does not keep the list open.
    if (this.#lingerTimer) return;
    const { push, pull } = this.#house.config.live.linger;
    const ms = this.#definition.source.type === 'pull' ? pull : push;
    this.#lingerTimer = setTimeout(() => this.#endList(), ms);
  }

  #stopLingering(): void {
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
  }

  #endList(): void {
    this.#stopLingering();
    this.#parts.packager.endList();
  }

  #nowUs(): number {
    return Math.round(this.#house.clock.nowMs() * 1000);
  }

  #saveGeneration(): void {
    if (this.list.generation === this.#savedGeneration) return;
    this.#savedGeneration = this.list.generation;
    if (this.list.generation) this.#events.generation(this.list.generation.number);
    this.#save(false);
  }

  #save(clean: boolean): void {
    const { store, log } = this.#house;
    const fromUs = Math.max(this.stream.endUs - HOLE_US, this.recorded.endUs, this.#definition.createdUs);
    const presence = {
      atUs: this.#nowUs(),
      clean,
      absences: this.stream.absencesSince(fromUs),
      generation: this.list.ended ? undefined : this.list.generation,
    };
    this.#saving = this.#saving
      .then(() => writePresence(store.db, this.#definition.id, presence))
      .catch((error: unknown) => log.error({ stream: this.name, error: messageOf(error) }, 'the state was not saved'));
  }
}
