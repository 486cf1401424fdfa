/**
 * Shows viewers of a push stream a picture while its publisher is away, if its source says so
 * (docs/decisions/0028).
 * In: events of the live stream and of its publishers. Out: a run of the packager that is no media of the
 * stream; `publish.away` events. The run begins where the media ended, and ends with the first key frame of
 * the next publisher.
 */

import type { Track } from '@oxbow/media/frame';
import type { SegmentGroup } from '@oxbow/media/segment';
import { pictureTypeOf } from '../../api/picture.ts';
import type { PushSourceConfig, WhileAway } from '../../config/schema.ts';
import { AWAY_LIMIT_MS } from '../../config/source-option.ts';
import { makeStillGop, type StillGop, type StillGopOptions } from '../../ffmpeg/engine.ts';
import type { PublisherEvent } from '../../ingest/publisher-slot.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { StreamEvent } from '../../live/stream-event.ts';
import { reportBug } from '../../observe/errors/report-bug.ts';
import type { Generation } from '../../packager/generation.ts';
import { packagerSettings } from '../../packager/pipeline.ts';
import type { StreamDefinition } from '../definition.ts';
import type { StreamDeps } from '../stream-deps.ts';
import type { StreamParts } from '../stream-parts.ts';
import type { StreamPublishers } from '../stream-publishers.ts';
import { Fill } from './fill.ts';
import { type FillPlan, planFill, type VideoPlan } from './fill-plan.ts';
import { lastPictures } from './last-pictures.ts';

/**
 * The picture is shown this long after the last frame, ms: a publisher that returns before continues its run.
 */
export const AWAY_AFTER_MS = 2000;
/** Interval at which frames are written, ms: a part of usual playlists. */
const TICK_MS = 200;
/** Drawn below the title. */
const WORDS = 'will be right back';
const nothing = new Uint8Array(0);

/** What the pictures of a stream are shown with. */
interface AwaySetup {
  readonly deps: StreamDeps;
  readonly parts: Pick<StreamParts, 'stream' | 'list' | 'packager'>;
  readonly publishers: Pick<StreamPublishers, 'events' | 'isRunning' | 'isFenced' | 'isUnpublished'>;
  /** Returns the current definition. */
  readonly definition: () => StreamDefinition;
  /** A picture is shown: the live playlist stays open. */
  readonly onShown: () => void;
  /**
   * The picture is not shown any more, and no publisher has returned; `isOver`: none is awaited any longer.
   */
  readonly onHidden: (isOver: boolean) => void;
}

/** The picture of one stream. */
export class Away {
  readonly #setup: AwaySetup;
  /** Of the last run of a publisher. */
  #tracks: readonly Track[] = [];
  /** The last publisher said that its broadcast is over, or oxbow ended its session. */
  #isOver = false;
  /** Ends the wait for the picture, and the picture. */
  #running: AbortController | undefined;
  #isShown = false;
  /** MSN of the last segment of a picture. */
  #lastMsn = 0;

  constructor(setup: AwaySetup) {
    this.#setup = setup;
    setup.publishers.events.subscribe((event) => this.#onPublisher(event));
  }

  /** A picture is shown now. */
  get isShown(): boolean {
    return this.#isShown;
  }

  /** Whether a segment belongs to a picture: it is no media of the stream. Called once for each segment. */
  passesOver({ run, msn }: SegmentGroup): boolean {
    if (run.isFill) this.#lastMsn = msn;
    return run.isFill === true;
  }

  /**
   * The generation as the next process may list it: no segment before one that is not recorded, because
   * MEDIA-SEQUENCE would decrease (RFC 8216bis 6.2.2).
   */
  lasting(generation: Generation | undefined): Generation | undefined {
    const leastMsn = this.#isShown ? Number.MAX_SAFE_INTEGER : this.#lastMsn + 1;
    return generation && { ...generation, firstMsn: Math.max(generation.firstMsn, leastMsn) };
  }

  /** Takes an event of the live stream. */
  onEvent(event: StreamEvent): void {
    if (event.type === 'run' || event.type === 'continued') {
      this.#tracks = event.context.tracks;
      this.#isOver = false;
      this.#running?.abort();
      this.#running = undefined;
      this.#isShown = false;
    } else if (event.type === 'absent') {
      if (!this.#mayShow) this.stop();
      else if (!this.#running) this.#start();
    }
  }

  /** Ends the picture, or the wait for it. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#hide(false);
  }

  #onPublisher(event: PublisherEvent): void {
    if (event.type !== 'ended' || !this.#setup.publishers.isUnpublished) return;
    const { publisher } = event;
    this.#isOver = publisher.connection.isOver || publisher.signal.reason instanceof OxbowError;
    if (this.#isOver) this.stop();
  }

  get #source(): PushSourceConfig | undefined {
    const { source } = this.#setup.definition();
    return source.type === 'push' ? source : undefined;
  }

  get #wanted(): WhileAway {
    return this.#source?.whileAway ?? 'nothing';
  }

  get #mayShow(): boolean {
    const { parts, publishers, definition } = this.#setup;
    if (this.#wanted === 'nothing' || this.#isOver || definition().paused) return false;
    return publishers.isRunning && !publishers.isFenced && parts.list.ready && !parts.list.ended;
  }

  #start(): void {
    const running = new AbortController();
    this.#running = running;
    this.#run(running.signal).catch((error: unknown) => {
      if (running.signal.aborted) return;
      const { deps, definition } = this.#setup;
      reportBug(deps, error, { stream: definition().name }, 'the picture of a stream that is away has ended: a bug');
      this.stop();
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { deps, parts } = this.#setup;
    const { stream, list, packager } = parts;
    const { clock } = deps;
    const awaySinceMs = stream.edge.endUs / 1000;
    await sleep(Math.min(AWAY_AFTER_MS, Math.max(0, awaySinceMs + AWAY_AFTER_MS - clock.nowMs())), { signal });
    if (!this.#mayShow || !stream.edge.gap) return this.#giveUp();
    stream.endSuspended();
    const { generation } = list;
    const plan = generation && planFill(this.#tracks, generation, packagerSettings(deps.settings.now));
    if (!plan || typeof plan === 'string') return this.#giveUp(plan);
    const gop = plan.video && (await this.#encode(plan.video, { signal }));
    if (plan.video && !gop) return this.#giveUp('the media engine made no picture');
    signal.throwIfAborted();
    if (!this.#mayShow) return this.#giveUp();
    this.#show(plan);
    const startUs = Math.max(stream.edge.endUs, stream.edge.filledUs);
    const fill = new Fill({ plan, gop, startUs, sink: packager, runId: stream.edge.nextRun() });
    const wallMs = clock.nowMs() - clock.monotonicMs();
    const limitMs = this.#source?.awayLimitMs ?? AWAY_LIMIT_MS;
    for (;;) {
      const nowMs = wallMs + clock.monotonicMs();
      fill.advance(Math.min(nowMs, awaySinceMs + limitMs) * 1000);
      stream.edge.filledUs = fill.endUs;
      if (nowMs >= awaySinceMs + limitMs) return this.#expire();
      await sleep(TICK_MS, { signal });
    }
  }

  /** Encodes the wanted picture; undefined if the engine fails with each one. */
  async #encode({ gop }: VideoPlan, { signal }: { signal: AbortSignal }): Promise<StillGop | undefined> {
    const { deps, definition } = this.#setup;
    const encode = deps.engines.makeStillGop ?? makeStillGop;
    const { id, name, title } = definition();
    for (const { picture, bytes } of await this.#pictures(id)) {
      try {
        return await encode({ ...gop, picture, title, name, words: WORDS }, bytes, { signal });
      } catch (error) {
        if (signal.aborted) throw error;
        deps.log.warn({ stream: name, picture, error: messageOf(error) }, 'a picture could not be encoded');
      }
    }
    return undefined;
  }

  /** The pictures to try, best first. */
  async #pictures(id: string): Promise<{ picture: StillGopOptions['picture']; bytes: Uint8Array }[]> {
    const { deps, parts } = this.#setup;
    const last = this.#wanted === 'last-picture' ? lastPictures(parts.list.segments) : undefined;
    const picture = await deps.recordings.pictures.read(id);
    return [
      ...(last ? [{ picture: 'media', bytes: last } as const] : []),
      ...(picture && pictureTypeOf(picture.bytes) ? [{ picture: 'image', bytes: picture.bytes } as const] : []),
      { picture: 'text', bytes: nothing },
    ];
  }

  #show({ video }: FillPlan): void {
    this.#isShown = true;
    const wanted = this.#source?.whileAway;
    if (wanted) this.#report(video ? wanted : 'silence', 'the publisher is away');
    this.#setup.onShown();
    this.#refresh();
  }

  /** No picture is shown in this absence. */
  #giveUp(why?: string): void {
    if (why !== undefined) this.#report(null, why);
  }

  /** The limit is reached. */
  #expire(): void {
    this.#running = undefined;
    this.#report(null, 'the publisher has not returned in time');
    this.#hide(true);
  }

  #hide(isOver: boolean): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#setup.parts.packager.endRun();
    this.#setup.onHidden(isOver);
    this.#refresh();
  }

  /** Open pages load the stream again. */
  #refresh(): void {
    const { deps, definition } = this.#setup;
    const { title, visibility, record, origin } = definition();
    deps.events.publish('stream.changed', { title, visibility, record, origin }, definition());
  }

  #report(picture: Exclude<WhileAway, 'nothing'> | 'silence' | null, detail: string): void {
    const { deps, definition } = this.#setup;
    const current = definition();
    deps.events.publish('publish.away', { picture, detail }, current);
    deps.log.info({ stream: current.name, picture, detail }, 'the publisher is away');
  }
}
