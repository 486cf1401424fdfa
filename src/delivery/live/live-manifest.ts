/**
 * Answers /live/{stream}/index.mpd, the DASH manifest of the live window, and /live/{stream}/time.txt, the
 * clock of its players. It is printed once for each segment, for all clients.
 * In: the live window. Out: Reply. ISO 23009-1 5.3; docs/media.md 19.
 */

import type { Presentation, PresentationSegment } from '@oxbow/media/presentation';
import { printRfc3339 } from '../../api/instant.ts';
import type { Clock } from '../../lib/clock.ts';
import { edgeOf, type LiveSegment, type LiveWindowView, lastSealedOf } from '../../packager/live-segment.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import { contentKeysOf } from '../encryption/access-by-key.ts';
import { manifestProtection } from '../encryption/playlist-keys.ts';
import { dashManifest } from '../format/dash.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream, ServedStream } from '../served-stream.ts';
import { steeredReply } from '../signed-addresses.ts';
import { bytesReply, caching, contentTypes, playlistReply } from '../text-reply.ts';
import { offline, readyView } from './live.ts';
import { describeAll, livePresentation, present } from './live-presentation.ts';
import { type Prediction, predict, predictQuality } from './predicted-segment.ts';

/**
 * Players are notified for this long after the last segment that a stream has ended; then it is offline, as
 * for those that come new.
 */
const ENDED_FOR_US = 300_000_000;

/**
 * After its end, players get the duration of a stream for this long before its manifest is static: target
 * durations.
 */
const ENDING_TARGETS = 2;

interface Printed {
  /** Differs wherever the manifest does. */
  readonly state: string;
  readonly reply: Reply;
}

/** The future times in a manifest. */
interface Predicted {
  readonly prediction: Prediction | undefined;
  /** The open segment of each derived quality. */
  readonly open: readonly (PresentationSegment | undefined)[];
  readonly isEnding: boolean;
}

/** The content of a manifest. */
interface Shown {
  readonly view: LiveWindowView;
  /** Segments of the generation before. */
  readonly before: readonly LiveSegment[];
  readonly beside: readonly Beside[];
}

/** The segments of a derived quality. */
interface Beside {
  readonly complete: readonly LiveSegment[];
  readonly view: LiveWindowView;
}

const printed = new WeakMap<LiveWindow, Printed>();
/** When the end of a generation was first seen, ms since 1970. */
const endings = new WeakMap<LiveWindow, { readonly generation: number; readonly sinceMs: number }>();

/** The manifest; waits for a stream that is starting. @throws OxbowError `stream-offline` */
export async function answerLiveManifest(
  stream: ServedStream,
  clock: Pick<Clock, 'nowMs'>,
  options: { signal: AbortSignal },
): Promise<Reply> {
  const view = await readyView(stream, options);
  return manifestOf(stream, view, endingOf(stream, view, clock));
}

/**
 * Whether a stream has just ended, so that players may not know of it yet.
 *
 * @throws OxbowError `stream-offline` if it ended long ago
 */
export function endingOf(stream: ServedStream, view: LiveWindowView, clock: Pick<Clock, 'nowMs'>): boolean {
  if (!view.ended) return false;
  if (clock.nowMs() * 1000 - edgeOf(view.segments) > ENDED_FOR_US) throw offline(stream);
  return isEnding(stream.list, view, clock.nowMs());
}

/** Whether players may not know yet that a generation has ended. */
function isEnding(list: LiveWindow, { generation: { number, targetDurationS } }: LiveWindowView, nowMs: number) {
  const before = endings.get(list);
  const ending = before?.generation === number ? before : { generation: number, sinceMs: nowMs };
  endings.set(list, ending);
  return nowMs - ending.sinceMs < 1000 * ENDING_TARGETS * targetDurationS;
}

/** The manifest, without waiting; undefined where `answerLiveManifest` must decide. */
export function liveManifest(stream: ServedLiveStream): Reply | undefined {
  const { list } = stream;
  const view = list.generation && list.view(list.generation.number);
  // A serving thread has the windows of derived qualities apart.
  if (view?.qualities?.length && !stream.qualities) return undefined;
  return view && list.ready && !view.ended ? manifestOf(stream, view) : undefined;
}

/** The server's time as an xs:dateTime (5.8.4.11). */
export function answerTime(_: ServedStream, clock: Pick<Clock, 'nowMs'>): Reply {
  return bytesReply(Buffer.from(printRfc3339(clock.nowMs())), contentTypes.text, caching.none);
}

function manifestOf(stream: ServedLiveStream, view: LiveWindowView, ending = false): Reply {
  const { list, qualities } = stream;
  const shown = {
    view,
    before: earlierOf(list, view),
    beside: (view.qualities ?? []).flatMap(({ track }) => listedOf(qualities?.get(track.rung)?.list, view)),
  };
  const protectionOf = manifestProtection(stream, '');
  // An encrypted segment is sent once it is complete.
  const prediction = protectionOf ? undefined : predict(view);
  const listed = view.segments.filter(({ sealed }) => sealed).map((segment) => present(segment, false));
  if (prediction?.open) listed.push(prediction.open);
  const open = shown.beside.map((quality) => (prediction ? predictQuality(quality.view, listed) : undefined));
  const state = [
    view.generation.number,
    shown.before[0]?.msn,
    view.segments[0]?.msn,
    lastSealedOf(list.segments)?.msn,
    view.ended,
    ending,
    prediction !== undefined,
    contentKeysOf(stream)?.series,
    ...shown.beside.flatMap(({ complete }) => [complete[0]?.init.number, complete[0]?.msn, complete.at(-1)?.msn]),
    ...[prediction?.open, ...open].flatMap((predicted) => [
      predicted?.msn,
      ...(predicted?.tracks ?? []).flatMap(({ trackId, duration }) => [trackId, duration]),
    ]),
  ].join('/');
  const last = printed.get(list);
  if (last?.state === state) return last.reply;
  const presentation = dashPresentation(shown, { prediction, open, isEnding: ending });
  const reply = steeredReply(stream.steering, (steering) => {
    const text = dashManifest(presentation, '', { steered: { name: stream.name, steering }, protectionOf });
    return playlistReply(text, caching.live, contentTypes.manifest);
  });
  printed.set(list, { state, reply });
  return reply;
}

/**
 * The live window with the rest of the generation before: a manifest has no generations, as each run has its
 * own Period. It has the predicted part of the open segment.
 */
function dashPresentation({ view, before, beside }: Shown, { prediction, open, isEnding }: Predicted): Presentation {
  const presentation = livePresentation(view);
  return {
    ...presentation,
    describe: () => describeAll(view),
    hasAllTexts: true,
    beside: beside.map(({ complete }, i) => ({
      segments: [...complete.map((sealedSegment) => present(sealedSegment, false)), ...(open[i] ? [open[i]] : [])],
    })),
    segments: {
      *[Symbol.iterator]() {
        for (const segment of before) yield present(segment, false);
        for (const segment of presentation.segments) if (!segment.open) yield segment;
        if (prediction?.open) yield prediction.open;
      },
    },
    live: { ...presentation.live!, ...(prediction && { rhythm: prediction.rhythm }), isEnding },
  };
}

/** Segments of the generation before, of this process, that are in the window and can be loaded. */
function earlierOf(list: LiveWindow, { segments }: LiveWindowView): readonly LiveSegment[] {
  const { previous, limits, recordedMsn, lost } = list.state;
  if (!previous || previous.inherited) return [];
  const fromUs = edgeOf(segments) - limits.windowUs;
  return previous.segments.filter(
    (segment) =>
      segment.sealed &&
      segment.startUs >= fromUs &&
      (segment.bytes || (segment.msn <= recordedMsn && !lost.has(segment.msn))),
  );
}

/** The complete segments of a quality; empty if it is not live with the stream. */
function listedOf(list: LiveWindow | undefined, { generation }: LiveWindowView): [] | [Beside] {
  const view = list?.view(generation.number);
  const complete = view && list ? [...earlierOf(list, view), ...view.segments].filter((segment) => segment.sealed) : [];
  return view && complete.length > 0 ? [{ complete, view }] : [];
}
