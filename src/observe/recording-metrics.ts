/**
 * The metrics of pictures of recordings, of retention, and of object stores, a part of the table.
 * Label `target` is the name of an object store in the settings.
 * In: nothing. Out: rows of metric-table.
 */
import { eraseMetrics } from '../features/erase/metrics.ts';
import { verifyMetrics } from '../features/verify/metrics.ts';
import type { MetricRow } from './metric-row.ts';

/** Rows. */
export const recordingMetrics = {
  storyboardPictures: {
    type: 'counter',
    name: 'oxbow_storyboard_pictures_total',
    labels: ['stream', 'result'],
    help: 'Small pictures of recordings: stored, failed, or dropped because too many waited; the next key frame takes their place.',
  },
  storyboardCpu: {
    type: 'counter',
    name: 'oxbow_storyboard_cpu_seconds_total',
    labels: ['stream'],
    help: 'Processor time that the media engine took for small pictures of recordings.',
  },
  storyboardDistance: {
    type: 'gauge',
    name: 'oxbow_storyboard_distance_seconds',
    labels: ['stream'],
    help: 'Distance of the small pictures of a recording: it grows with their processor time, so that they take at most 0.05 % of a core, and those of more than 20 streams 0.5 % together, up to 120.',
  },
  contentSamples: {
    type: 'counter',
    name: 'oxbow_content_samples_total',
    labels: ['stream', 'kind', 'result'],
    help: 'Pictures and pieces of sound of live streams: checked, failed, or dropped because too many waited for the media engine.',
  },
  contentCpu: {
    type: 'counter',
    name: 'oxbow_content_cpu_seconds_total',
    labels: ['stream', 'kind'],
    help: 'Processor time that the media engine took for pictures and pieces of sound of live streams that were checked: at most 0.1 % of a core for each stream, unless `contentCheck.mode` is `on`.',
  },
  storyboardsWaiting: {
    type: 'gauge',
    name: 'oxbow_storyboard_pictures_waiting',
    labels: [],
    help: 'Small pictures that wait for the media engine.',
  },
  retentionDeletions: {
    type: 'counter',
    name: 'oxbow_retention_deletions_total',
    labels: [],
    help: 'Chunk files deleted by retention.',
  },
  ...eraseMetrics,
  recordingPaused: {
    type: 'gauge',
    name: 'oxbow_recording_paused',
    across: 'max',
    labels: [],
    help: '1 while nothing is recorded, because the disk has less room than `record.minFree`.',
  },
  retentionPaused: {
    type: 'gauge',
    name: 'oxbow_retention_paused',
    across: 'max',
    labels: [],
    help: '1 for an hour after a large step of the clock, while recordings are not deleted by age.',
  },
  ...verifyMetrics,
  folderUp: {
    type: 'gauge',
    name: 'oxbow_recording_folder_up',
    across: 'min',
    labels: ['folder'],
    help: '0 while a folder of recordings is missing: its streams are not recorded.',
  },
  folderFreeBytes: {
    type: 'gauge',
    name: 'oxbow_recording_folder_free_bytes',
    across: 'max',
    labels: ['folder'],
    help: 'Free space on the disk of a folder of recordings.',
  },
  folderMovedBytes: {
    type: 'counter',
    name: 'oxbow_recording_moved_bytes_total',
    labels: [],
    help: 'Bytes of recordings that were moved to the folder of their stream.',
  },
  storageUp: {
    type: 'gauge',
    name: 'oxbow_storage_up',
    across: 'min',
    labels: ['target'],
    help: '0 while an object store fails: files wait in the data folder.',
  },
  storageWaitingFiles: {
    type: 'gauge',
    name: 'oxbow_storage_waiting_files',
    labels: ['target'],
    help: 'Recorded files that are old enough for their upload and not in the object store yet.',
  },
  storageWaitingBytes: {
    type: 'gauge',
    name: 'oxbow_storage_waiting_bytes',
    labels: ['target'],
    help: 'Bytes of those files.',
  },
  storageUploads: {
    type: 'counter',
    name: 'oxbow_storage_uploads_total',
    labels: ['target', 'result'],
    help: 'Uploads that ended: stored (verified and in the index) or failed (tried again).',
  },
  storageSentBytes: {
    type: 'counter',
    name: 'oxbow_storage_sent_bytes_total',
    labels: ['target'],
    help: 'Bytes sent to an object store.',
  },
  storageReadBytes: {
    type: 'counter',
    name: 'oxbow_storage_read_bytes_total',
    labels: ['target'],
    help: 'Bytes read from an object store, because neither the data folder nor the cache had them.',
  },
  directBytes: {
    type: 'counter',
    name: 'oxbow_storage_direct_bytes_total',
    labels: [],
    help: 'Bytes that viewers of the past were redirected to an object store for (`direct`).',
  },
  directUp: {
    type: 'gauge',
    name: 'oxbow_storage_direct_up',
    across: 'min',
    labels: ['target'],
    help: '1 while viewers are redirected to the object store, 0 while oxbow serves them because it refuses or does not answer.',
  },
  storageReadFailures: {
    type: 'counter',
    name: 'oxbow_storage_read_failures_total',
    labels: ['target'],
    help: 'Reads of an object store that failed.',
  },
  storageObjects: {
    type: 'gauge',
    name: 'oxbow_storage_objects',
    across: 'max',
    labels: ['target'],
    help: 'Objects that the index has in an object store.',
  },
  storageObjectBytes: {
    type: 'gauge',
    name: 'oxbow_storage_object_bytes',
    across: 'max',
    labels: ['target'],
    help: 'Bytes of those objects.',
  },
  mirrorBehindSeconds: {
    type: 'gauge',
    name: 'oxbow_storage_mirror_behind_seconds',
    across: 'max',
    labels: ['target'],
    help: 'Age of the oldest recorded media that the mirror does not have; about `storage.mirrorEvery` while it keeps up.',
  },
  mirrorBehindBytes: {
    type: 'gauge',
    name: 'oxbow_storage_mirror_behind_bytes',
    labels: ['target'],
    help: 'Bytes of recorded files that the mirror does not have.',
  },
  mirrorObjects: {
    type: 'gauge',
    name: 'oxbow_storage_mirror_objects',
    labels: ['target'],
    help: 'Small objects of the mirror whose files are not complete, or not in the object store as a whole yet.',
  },
  mirrorSentBytes: {
    type: 'counter',
    name: 'oxbow_storage_mirror_sent_bytes_total',
    labels: ['target'],
    help: 'Bytes that the mirror has sent, without complete files.',
  },
  mirrorRequests: {
    type: 'counter',
    name: 'oxbow_storage_mirror_requests_total',
    labels: ['target', 'result'],
    help: 'Requests of the mirror: put, deleted or failed.',
  },
  storageDeletionsWaiting: {
    type: 'gauge',
    name: 'oxbow_storage_deletions_waiting',
    across: 'max',
    labels: [],
    help: 'Objects that wait for their deletion, because their store does not answer or their time has not come.',
  },
  storageCacheBytes: {
    type: 'gauge',
    name: 'oxbow_storage_cache_bytes',
    labels: [],
    help: 'Disk space of parts of objects that were read.',
  },
} as const satisfies Record<string, MetricRow>;
