/**
 * The live ladder of one stream: started by its settings, its media and its viewers, reported to logs,
 * metrics and events.
 * In: `tick` once a second, the definition. Out: derived qualities of the stream, the view for the API.
 */

import type { VideoTrack } from '@oxbow/media/frame';
import type { LadderView } from '../../api/ladder/ladder-shapes.ts';
import type { MediaRates } from '../../api/source-facts.ts';
import { openLiveEncoder } from '../../ffmpeg/live-ladder.ts';
import { NO_LADDER, parseLadder } from '../../lib/live-ladder.ts';
import type { Stream } from '../../live/stream.ts';
import { LiveLadder } from '../../transcode/live/live-ladder.ts';
import type { LiveLadderOptions, OpenLiveEncoder } from '../../transcode/live/live-ladder-shapes.ts';
import { type LivePlan, planLive } from '../../transcode/live/live-plan.ts';
import type { StreamDefinition } from '../definition.ts';
import type { QualityInputs } from '../qualities/quality-inputs.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { LadderEncoders } from './ladder-encoders.ts';

/**
 * A viewer counts for 30 s after its last request; after the last one the encoder runs this much longer, ms.
 */
const LINGER_MS = 30_000;
/** Ends the names of rungs where the source has qualities, which have such names. */
const BESIDE_PULLED = '-live';

/** The stream that a ladder belongs to. */
interface LadderStream {
  readonly definition: StreamDefinition;
  readonly stream: Stream;
  readonly status: { readonly rates: MediaRates | undefined };
}

/** Dependencies of a ladder. */
interface StreamLadderDeps extends Pick<StreamDeps, 'clock' | 'log' | 'metrics' | 'events' | 'engines'> {
  readonly openLiveEncoder?: OpenLiveEncoder;
}

export class StreamLadder {
  readonly #of: LadderStream;
  readonly #deps: StreamLadderDeps;
  readonly #encoder: LiveLadder;
  /** The setting that the encoder runs with. */
  #text = '';
  #ladder = NO_LADDER;
  readonly #encoders: LadderEncoders;
  #wantedUntilMs = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #stopping: Promise<void> = Promise.resolve();
  #isClosed = false;
  #problem = '';

  constructor(of: LadderStream, inputs: QualityInputs, deps: StreamLadderDeps) {
    this.#of = of;
    this.#deps = deps;
    this.#encoders = new LadderEncoders(deps.engines.encoders);
    this.#encoder = new LiveLadder({
      open: deps.openLiveEncoder ?? openLiveEncoder,
      clock: deps.clock,
      sinks: of.stream.sinks,
      cuts: { subscribe: (listener) => inputs.cuts.subscribe(listener) },
      input: (rung) => inputs.open(rung),
      plan: (track, options) => this.#plan(track, options),
      isOnDevice: () => this.#encoders.count > 0,
      report: {
        encoderFailed: (rung, why) => this.#encoderFailed(rung, why),
        failed: (why) => this.#failed(why),
        dropped: (rung, lagMs, left) => this.#dropped(rung, lagMs, left),
        raised: (rung) => this.#raised(rung),
        lost: (frames) => deps.metrics.ladderLostFrames.inc({ stream: this.#name }, frames),
      },
    });
  }

  /** Process id of the encoder; undefined while none runs. */
  get pid(): number | undefined {
    return this.#encoder.pid;
  }

  /** For the API. */
  get view(): LadderView {
    const { ladder = '', ladderStart = 'viewer' } = this.#of.definition;
    const { state, lagMs, rungs, leftOut } = this.#encoder.facts;
    return {
      rungs: ladder,
      start: ladderStart,
      state,
      lagMs: lagMs === undefined ? null : Math.round(lagMs),
      made: rungs.map(({ planned: { name, rendition }, state: does }) => ({
        name,
        width: rendition.width,
        height: rendition.height,
        bitrate: rendition.maxRate,
        state: does,
        encoder: this.#encoders.nameOf(name) ?? null,
      })),
      leftOut: [...leftOut],
      problem: state === 'off' ? '' : this.#problem,
    };
  }

  /** Called once a second. @param viewers of the stream now */
  tick(viewers: number): void {
    if (this.#isClosed) return;
    const { definition, stream } = this.#of;
    const nowMs = this.#deps.clock.monotonicMs();
    if (viewers > 0) this.#wantedUntilMs = nowMs + LINGER_MS;
    const { ladder = '' } = definition;
    const isAsked = definition.ladderStart === 'always' || nowMs < this.#wantedUntilMs;
    const isWanted = ladder !== '' && isAsked && stream.placement.context !== undefined;
    if (this.#isRunning && (!isWanted || ladder !== this.#text)) this.#stop();
    else if (!this.#isRunning && isWanted) this.#start(ladder);
    if (!this.#isRunning) return;
    const { lagMs, rungs } = this.#encoder.facts;
    const live = rungs.filter(({ state }) => state === 'live').map(({ planned: { name } }) => name);
    this.#encoders.look(live, (rung, choice) => this.#encoder.use(rung, choice));
    this.#deps.metrics.ladderLagSeconds.set({ stream: this.#name }, (lagMs ?? 0) / 1000);
  }

  /** Ends the encoder. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    await this.#stopping;
  }

  get #name(): string {
    return this.#of.definition.name;
  }

  #start(text: string): void {
    this.#text = text;
    this.#ladder = parseLadder(text);
    this.#isRunning = true;
    this.#problem = '';
    if (this.#ladder.rungs.length === 0) return;
    // A ladder that is stopping has its process, and its places on devices, until then.
    void this.#stopping.then(async () => {
      await this.#encoders.prepare(this.#ladder.rungs.length);
      if (this.#isRunning && !this.#isClosed && this.#text === text) this.#encoder.start();
      else if (!this.#isRunning) this.#encoders.release();
    });
  }

  #stop(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#stopping = this.#encoder.stop().then(() => this.#encoders.release());
  }

  #plan(track: VideoTrack, { interlaced }: Parameters<LiveLadderOptions['plan']>[1]): LivePlan {
    const { source } = this.#of.definition;
    const isPulled = source.type === 'pull' && source.qualities !== undefined;
    const plan = planLive(track, this.#ladder, {
      frameRate: this.#of.status.rates?.frameRate ?? undefined,
      interlaced,
      semiPlanar: this.#encoders.areExpected,
      ...(isPulled && { suffix: BESIDE_PULLED }),
    });
    return this.#encoders.assign(plan);
  }

  #encoderFailed(rung: string, why: string): void {
    const name = this.#encoders.nameOf(rung);
    this.#encoders.fail(rung, why);
    this.#deps.log.warn(
      { stream: this.#name, quality: rung, encoder: name, why },
      'an encoder on a device failed; software continues the quality',
    );
    this.#publish('failed', rung, why);
  }

  #failed(why: string): void {
    const { metrics, log } = this.#deps;
    this.#encoders.failAll(why);
    metrics.ladderRestarts.inc({ stream: this.#name });
    log.warn({ stream: this.#name, why }, 'the encoder of the ladder failed and starts again');
    this.#publish('failed', '', why);
  }

  #dropped(rung: string, lagMs: number, left: readonly string[]): void {
    const { metrics, log } = this.#deps;
    this.#encoders.releaseOf(rung);
    metrics.ladderDropped.inc({ stream: this.#name, quality: rung });
    const s = (lagMs / 1000).toFixed(1);
    this.#problem = `This computer is too slow for ${Number.parseInt(rung, 10)}p: the encoder was ${s} s behind.`;
    const text = left.length > 0 ? 'the ladder drops its top quality' : 'the ladder drops its last quality and stops';
    log.warn(
      { stream: this.#name, quality: rung, lagMs: Math.round(lagMs), left },
      `${text}: the computer is too slow`,
    );
    this.#publish('dropped', rung, this.#problem);
  }

  #raised(rung: string): void {
    this.#problem = '';
    this.#deps.log.info({ stream: this.#name, quality: rung }, 'the ladder tries a quality again that it had dropped');
    this.#publish('raised', rung, '');
  }

  #publish(what: 'dropped' | 'raised' | 'failed', quality: string, detail: string): void {
    this.#deps.events.publish('stream.ladder', { what, quality, detail }, this.#of.definition);
  }
}
