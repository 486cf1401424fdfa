/**
 * Every activity that is killed.
 * In: nothing. Out: a list, by which the test and `npm run soak -- kill` go.
 */
import type { Activity } from './activity.ts';
import { movingToBucket } from './bucket-move.ts';
import { exporting } from './export.ts';
import { movingToFolder } from './folder-move.ts';
import { recording } from './recording.ts';
import { retention } from './retention.ts';
import { upgrading } from './schema.ts';
import { transcoding } from './transcode.ts';
import { uploading } from './upload.ts';

/** In the order of the table of docs/9-run/reliability.md. */
export const activities: readonly Activity[] = [
  ...[recording, exporting, retention, upgrading],
  ...[uploading, transcoding, movingToFolder, movingToBucket],
];
