/**
 * Applies a change of a live window to a replica in another thread.
 * In: changes of the original, in order. Out: calls of the replica. docs/media.md 25.
 */
import type { LiveWindowChange } from './live-segment.ts';
import type { LiveWindowWriter } from './live-window-writer.ts';

/** Makes the call that the change reports. */
export function applyChange(replica: LiveWindowWriter, change: LiveWindowChange): void {
  switch (change.do) {
    case 'begin':
      replica.begin(change.generation, change.tracks);
      break;
    case 'open':
      replica.openSegment(change.opening);
      break;
    case 'part':
      replica.addPart(change.msn, change.trackId, change.part, change.ends);
      break;
    case 'end-segment':
      replica.endSegment(change.msn);
      break;
    case 'date-ranges':
      replica.addDateRanges(change.found);
      break;
    case 'seal':
      replica.seal(change.group);
      break;
    case 'qualities':
      replica.offer(change.qualities);
      break;
    case 'captions':
      replica.announce(change.captions);
      break;
    case 'recorded':
      replica.recorded(change.msn);
      break;
    case 'lost':
      replica.lost(change.msn);
      break;
    case 'erase':
      replica.erase(change.msn);
      break;
    case 'end':
      replica.end();
      break;
  }
}
