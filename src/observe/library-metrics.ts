/**
 * The metrics of the library, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const libraryMetrics = {
  assets: {
    type: 'gauge',
    name: 'oxbow_assets',
    across: 'max',
    labels: ['state'],
    help: 'Assets of the library by state: uploading, processing, ready, failed, or trash.',
  },
  assetBytes: {
    type: 'gauge',
    name: 'oxbow_asset_bytes',
    across: 'max',
    labels: [],
    help: 'Bytes of the originals of all assets, with those in the trash and the length of running uploads.',
  },
  importLosses: {
    type: 'counter',
    name: 'oxbow_import_losses_total',
    labels: ['what'],
    help: 'Imports that did not get all that the times of their file promise, by what is missing: frames, sound, tracks, end. The warnings of the asset say how much.',
  },
  uploadBytes: {
    type: 'counter',
    name: 'oxbow_upload_bytes_total',
    labels: [],
    help: 'Bytes of uploads that were stored.',
  },
  uploadsReceiving: {
    type: 'gauge',
    name: 'oxbow_uploads_receiving',
    labels: [],
    help: 'Requests that store bytes of uploads now.',
  },
  uploads: {
    type: 'counter',
    name: 'oxbow_uploads_total',
    labels: ['result'],
    help: 'Uploads that ended, by result: complete, cancelled, expired, refused.',
  },
} as const satisfies Record<string, MetricRow>;
