/**
 * Measures one stream: samples of its active publisher once a second, their history, and advice.
 * In: `tick` once a second. Out: figures for the API, windows for the database, changes of the advice.
 */
import type { Finding } from '../../api/advice.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StatsWindow } from '../../recording/stats-table.ts';
import type { ContentSample } from '../content/content-sample.ts';
import type { PictureChange } from '../record/storyboard-sampler.ts';
import { advise } from './advice.ts';
import { AdviceWatch } from './advice-watch.ts';
import { ClockMeter } from './clock-meter.ts';
import type { PublishFigures, Sample } from './figures.ts';
import { HistoryRows } from './history-rows.ts';
import { RecoveryLog } from './recovery-log.ts';
import { SessionSampler, type StreamSide } from './session-sampler.ts';

/** Changed windows are written this often, ticks. */
const SAVE_TICKS = 60;
/** The advice is compared this often, ticks. */
const ADVICE_TICKS = 5;
/** Most content samples that wait for their reader; older ones are left out. */
const MAX_CONTENT = 64;
/** A burst is spread over at most this time before it, ms. */
const LONGEST_BURST_MS = 30_000;

/** Dependencies of the measurement of one stream. */
interface StreamMeasureSetup {
  readonly clock: Clock;
  /** The active publisher. */
  readonly active: () => Publisher | undefined;
  readonly side: () => StreamSide;
  /** A part of the server uses the frames of the stream as they come. */
  readonly isFollowed: () => boolean;
  /** A sample was taken. */
  readonly onSample: (sample: Sample) => void;
  /** Writes a window of the history. Must not reject. */
  readonly save: (window: StatsWindow) => Promise<void>;
  /** A finding other than `good` appeared, changed its severity, or is gone (`undefined`). */
  readonly onAdvice: (code: Finding['code'], finding: Finding | undefined) => void;
  /** Why pictures and sound are not checked; empty if they are. */
  readonly contentAbsent: () => string;
  /** Delays the first write, ticks: the streams of a process do not write at the same time. */
  readonly staggerTicks: number;
}

/** The measurement of one stream. */
export class StreamMeasure {
  /** Interruptions of the stream. */
  readonly recovery: RecoveryLog;
  readonly #setup: StreamMeasureSetup;
  readonly #rows = new HistoryRows();
  readonly #watch: AdviceWatch;
  #sampler: SessionSampler | undefined;
  #clocks = new ClockMeter();
  #ticks = 0;
  /** Time of a bursty source that no media was counted for yet, ms. */
  #waitingMs = 0;
  #saving: Promise<void> = Promise.resolve();
  #picture: Extract<ContentSample, { kind: 'picture' }> | undefined;
  #sound: Extract<ContentSample, { kind: 'sound' }> | undefined;
  #content: ContentSample[] = [];

  constructor(setup: StreamMeasureSetup) {
    this.#setup = setup;
    this.recovery = new RecoveryLog(setup.clock);
    this.#ticks = setup.staggerTicks % SAVE_TICKS;
    this.#watch = new AdviceWatch(setup.onAdvice);
  }

  /** Adds windows of the last hour that an earlier process wrote. @throws FormatError */
  restore(windows: readonly StatsWindow[]): void {
    for (const { startUs, packed } of windows) this.#rows.unpack(startUs, packed);
  }

  /** Called once a second. @param viewers of the stream now */
  tick(viewers: number): void {
    const { clock, active } = this.#setup;
    const nowMs = clock.monotonicMs();
    const session = active();
    if (session !== this.#sampler?.session) {
      this.#sampler = session && new SessionSampler(session, nowMs);
      this.#clocks = new ClockMeter();
      this.#waitingMs = 0;
      this.#picture = undefined;
      this.#sound = undefined;
      if (!session) this.#watch.clear();
    } else if (this.#sampler) {
      this.#sampler.session.connection.isFollowed = viewers > 0 || this.#setup.isFollowed();
      this.#record(this.#sampler, this.#sampler.sample(nowMs), viewers);
    }
    this.#ticks++;
    if (this.#ticks % ADVICE_TICKS === 0 && this.#sampler) this.#watch.add(advise(this.figures!));
    if (this.#ticks % SAVE_TICKS === 0) this.#save();
  }

  /** Adds how far the picture changed between two times, ms since 1970. */
  addPictureChange({ fromMs, toMs, difference }: PictureChange): void {
    this.#rows.spread(fromMs, toMs, { pictureChange: difference });
  }

  /** Adds what a picture or a piece of sound showed. */
  addContent(sample: ContentSample): void {
    const isPicture = sample.kind === 'picture';
    if (isPicture) this.#picture = sample;
    else this.#sound = sample;
    this.#content = [...this.#content.slice(1 - MAX_CONTENT), sample];
    const values = isPicture ? { dark: sample.dark, pixelChange: sample.change } : { soundDb: sample.levelDb };
    const toMs = sample.toUs / 1000;
    this.#rows.spread(Math.min(sample.fromUs / 1000, toMs - 1), toMs, values);
  }

  /** The newest of both kinds; undefined before the first, and without a publisher. */
  get content(): {
    readonly picture: Extract<ContentSample, { kind: 'picture' }> | undefined;
    readonly sound: Extract<ContentSample, { kind: 'sound' }> | undefined;
    /** Why they are not checked; empty if they are. */
    readonly absent: string;
  } {
    return { picture: this.#picture, sound: this.#sound, absent: this.#setup.contentAbsent() };
  }

  /** Samples of the content since the last call, oldest first. */
  takeContent(): readonly ContentSample[] {
    const taken = this.#content;
    this.#content = [];
    return taken;
  }

  /** The figures of the active publisher; undefined without one, and until it was measured for a second. */
  get figures(): PublishFigures | undefined {
    return this.#sampler?.figures(this.#setup.clock.monotonicMs(), this.#setup.side());
  }

  /** The clocks of the active publisher. */
  get clocks(): Pick<ClockMeter, 'drift' | 'avOffsetMs'> {
    return this.#clocks;
  }

  /** The samples of the last minute, oldest first. */
  get samples(): readonly Sample[] {
    return this.#sampler?.samples ?? [];
  }

  /** The history in memory. */
  get rows(): Pick<HistoryRows, 'between' | 'linksBetween'> {
    return this.#rows;
  }

  /** Writes unwritten statistics. Resolves when they are in the database. */
  async close(): Promise<void> {
    this.#save();
    await this.#saving;
  }

  #record(sampler: SessionSampler, sample: Sample, viewers: number): void {
    this.#setup.onSample(sample);
    const { stats, meter } = sampler.session.connection;
    const { skewMs, delayUs } = this.#setup.side();
    const { audioBehindMs: behind } = sample;
    this.#clocks.add({
      nowMs: this.#setup.clock.monotonicMs(),
      delayUs,
      audioBehindMs: behind && (behind.least + behind.most) / 2,
    });
    const hasMedia = sample.videoFrames + sample.audioFrames > 0;
    const coveredMs = sample.coveredMs + this.#waitingMs;
    if (meter.isBursty && !hasMedia && coveredMs < LONGEST_BURST_MS) {
      this.#waitingMs = coveredMs;
      return;
    }
    this.#waitingMs = 0;
    const spreadMs = Math.min(coveredMs, LONGEST_BURST_MS);
    const nowMs = this.#setup.clock.nowMs();
    if (sample.links) this.#rows.addLinks(nowMs, sample.coveredMs, sample.links);
    this.#rows.spread(nowMs - spreadMs, nowMs, {
      coveredMs: spreadMs,
      videoBytes: sample.videoBytes,
      videoFrames: meter.videoTrack ? sample.videoFrames : undefined,
      audioBytes: sample.audioBytes,
      bytesIn: stats.bytesIn > 0 ? sample.bytesIn : undefined,
      packets: sample.packets,
      lost: sample.lost,
      retransmitted: sample.retransmitted,
      dropped: sample.dropped,
      damaged: sample.damaged,
      keyFrameIntervalMs: sample.gopMs > 0 ? sample.gopMs : undefined,
      rttMs: stats.rttMs,
      jitterMs: meter.isBursty ? undefined : (meter.videoTrack ?? meter.audioTrack)?.jitterMs,
      viewers,
      avOffsetMs: this.#clocks.avOffsetMs,
      skewMs,
    });
  }

  #save(): void {
    const windows = this.#rows.changed.map((startUs) => ({ startUs, packed: this.#rows.pack(startUs) }));
    for (const window of windows) this.#saving = this.#saving.then(() => this.#setup.save(window));
  }
}
