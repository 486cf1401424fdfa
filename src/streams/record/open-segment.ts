/**
 * Leaves the segment that is open when oxbow stops to the next process, where the source offers it again: its
 * rest has no key frame, and could not follow what is recorded (docs/media.md 2).
 * In: runs and sealed groups of one stream. Out: which group is left.
 */
import type { SegmentGroup } from '@oxbow/media/segment';
import type { RunContext } from '../../live/sink.ts';
import type { Stream } from '../../live/stream.ts';
import type { Packager } from '../../packager/packager.ts';
import type { StreamDefinition } from '../definition.ts';

interface OpenSegmentSetup {
  readonly stream: Pick<Stream, 'events' | 'placement'>;
  readonly packager: Pick<Packager, 'newestMsn'>;
  readonly definition: () => Pick<StreamDefinition, 'source' | 'stopped'>;
}

/** The segment that a stream is in. */
export class OpenSegment {
  readonly #setup: OpenSegmentSetup;
  #run: RunContext | undefined;

  constructor(setup: OpenSegmentSetup) {
    this.#setup = setup;
    setup.stream.events.subscribe((event) => {
      if (event.type === 'run') this.#run = event.context;
    });
  }

  /**
   * Whether a group that is sealed while oxbow stops was open, and comes again: it is the newest, of a source
   * with dates that is pulled by its parts, and begins with a key frame. Without a date the next process
   * could not find it; without parts every segment of the source is here as a whole.
   */
  isLeft(group: Pick<SegmentGroup, 'msn' | 'tracks'>): boolean {
    const { stream, packager, definition } = this.#setup;
    const { source, stopped } = definition();
    if (source.type !== 'pull' || stopped || stream.placement.context) return false;
    const { run, pace } = this.#run ?? {};
    if (run?.clock !== 'source' || pace?.kind !== 'continuous') return false;
    return group.msn === packager.newestMsn && group.tracks.every(({ independent }) => independent);
  }
}
