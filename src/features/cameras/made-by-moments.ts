/**
 * What the moments of a camera become: an event, a marker, a clip that begins before the moment.
 * In: moments. Out: rows, events. A moment is in a row until its clip is made, so that another process may
 * continue it, and only one makes its marker and its clip. Old markers and clips of cameras are deleted
 * beyond their bounds.
 */
import type { CameraKind } from '../../api/cameras/camera-shapes.ts';
import type { ClipMaker } from '../../api/clips/clips-api.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { MarkerTable } from '../../recording/marker-table.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import { markerViewOf } from '../../streams/views.ts';
import type { CameraTable, OpenMoment, StoredCamera } from './camera-table.ts';
import { type Moment, QUIET_MS } from './moments.ts';

/** Newest markers and clips of a camera that are kept. */
const MOST_MARKERS = 2000;
const MOST_CLIPS = 200;
/** A clip is made this long after its end, ms: its media is in a segment then. */
const LATE_MS = 4000;
/** Clips that wait for their end. */
const MAX_WAITING = 16;

const labels: Readonly<Record<CameraKind, string>> = {
  motion: 'Motion',
  line: 'Line crossed',
  field: 'Something in the field',
  input: 'Input',
};

/** Dependencies. */
export interface MadeParts {
  readonly table: CameraTable;
  readonly markers: Pick<MarkerTable, 'add' | 'remove'>;
  readonly clips: () => ClipMaker;
  readonly events: Pick<EventBus, 'publish'>;
  /** The stream as it is now; undefined: it is not here. */
  readonly stream: (streamId: string) => StreamDefinition | undefined;
  /** A marker or a clip was not made. */
  readonly failed: (error: unknown, stream: string) => void;
}

interface WaitingClip {
  readonly moment: OpenMoment;
  readonly fromMs: number;
  readonly toMs: number;
  readonly title: string;
}

const keyOf = ({ kind, fromMs }: OpenMoment) => `${kind} ${fromMs}`;

/** Makes markers and clips of the moments of one camera. */
export class MadeByMoments {
  readonly #parts: MadeParts;
  readonly #camera: () => StoredCamera;
  #waiting: WaitingClip[] = [];
  /** Moments that have begun while the database took no row: their clips are made all the same. */
  readonly #unnoted = new Set<string>();

  /** @param camera its row, as it is now */
  constructor(parts: MadeParts, camera: () => StoredCamera) {
    this.#parts = parts;
    this.#camera = camera;
  }

  /** When the next clip is due, ms since 1970; undefined: none waits. */
  get dueMs(): number | undefined {
    return this.#waiting.length === 0 ? undefined : Math.min(...this.#waiting.map(({ toMs }) => toMs)) + LATE_MS;
  }

  /** A moment has begun, or is over. Never rejects. */
  async take({ kind, is, fromMs, toMs }: Moment): Promise<void> {
    const { streamId, events } = this.#camera();
    const stream = this.#parts.stream(streamId);
    if (!stream) return;
    const moment = { kind, fromMs };
    if (is === 'begun' && !(await this.#begin(stream, moment))) return;
    this.#parts.events.publish('camera.event', { kind, on: is === 'begun' }, stream);
    const isOff = stream.stopped || stream.paused;
    const makesClip = is === 'over' && events.clips === true && !isOff && this.#waiting.length < MAX_WAITING;
    if (is === 'over' && !makesClip) await this.#end(stream, moment);
    if (isOff) return;
    const title = events.labels?.[kind] ?? labels[kind];
    if (is === 'begun' && events.markers !== false) await this.#mark(stream, fromMs, title);
    if (makesClip) {
      const { before = 5, after = 15 } = events;
      this.#waiting.push({ moment, fromMs: fromMs - before * 1000, toMs: toMs + after * 1000, title });
    }
  }

  /** The moments that another process has left. Never rejects. */
  async left(): Promise<readonly OpenMoment[]> {
    const { table, stream, failed } = this.#parts;
    const { streamId } = this.#camera();
    try {
      return await table.openMoments(streamId);
    } catch (error) {
      failed(error, stream(streamId)?.name ?? streamId);
      return [];
    }
  }

  /** Makes the clips that are due. Never rejects. @param nowMs ms since 1970 */
  async makeDue(nowMs: number): Promise<void> {
    const due = this.#waiting.filter(({ toMs }) => toMs + LATE_MS <= nowMs);
    this.#waiting = this.#waiting.filter((clip) => !due.includes(clip));
    for (const clip of due) await this.#clip(clip);
  }

  /**
   * Makes the clips that wait, until now: no one makes them once the camera is not watched any more. Never
   * rejects.
   */
  async makeRest(nowMs: number): Promise<void> {
    const rest = this.#waiting;
    this.#waiting = [];
    for (const clip of rest) await this.#clip({ ...clip, toMs: Math.min(clip.toMs, Math.floor(nowMs)) });
  }

  /** @returns false if another process has begun it; true without the database, as it is not known then */
  async #begin({ id, name }: StreamDefinition, moment: OpenMoment): Promise<boolean> {
    try {
      return await this.#parts.table.begin(id, moment, QUIET_MS);
    } catch (error) {
      this.#parts.failed(error, name);
      this.#unnoted.add(keyOf(moment));
      return true;
    }
  }

  /** @returns false if another process has ended it */
  async #end({ id, name }: StreamDefinition, moment: OpenMoment): Promise<boolean> {
    if (this.#unnoted.delete(keyOf(moment))) return true;
    try {
      return await this.#parts.table.end(id, moment);
    } catch (error) {
      this.#parts.failed(error, name);
      return false;
    }
  }

  async #mark(stream: StreamDefinition, atMs: number, text: string): Promise<void> {
    const { table, markers, events, failed } = this.#parts;
    try {
      const atUs = Math.round(atMs * 1000);
      const marker = await markers.add(stream.id, { atUs, text });
      await table.addMade(stream.id, 'marker', marker.id, atUs);
      events.publish('marker.added', markerViewOf(marker), stream);
      for (const id of await table.madeBeyond(stream.id, 'marker', MOST_MARKERS)) {
        if (await markers.remove(stream.id, id)) events.publish('marker.removed', { id }, stream);
        await table.forgetMade(id);
      }
    } catch (error) {
      failed(error, stream.name);
    }
  }

  async #clip({ moment, fromMs, toMs, title }: WaitingClip): Promise<void> {
    const { table, clips, stream: find, failed } = this.#parts;
    const { streamId, owner } = this.#camera();
    const stream = find(streamId);
    if (!stream || !(await this.#end(stream, moment))) return;
    const client = { owner, isAdmin: true, seesAll: true, seesSigned: true };
    try {
      const request = { stream: stream.name, fromMs, toMs, title, visibility: undefined, confirm: false };
      const { view } = await clips().create(request, client);
      await table.addMade(streamId, 'clip', view.id, Math.round(fromMs * 1000));
      for (const id of await table.madeBeyond(streamId, 'clip', MOST_CLIPS)) {
        await clips()
          .remove(id, client)
          .catch((error) => {
            if (!(error instanceof OxbowError)) throw error; // someone has deleted it
          });
        await table.forgetMade(id);
      }
    } catch (error) {
      failed(error, stream.name);
    }
  }
}
