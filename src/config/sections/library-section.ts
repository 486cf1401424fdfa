/**
 * The settings of the library, a part of the table of all settings.
 * In: the types of settings. Out: the section `library` for schema.ts.
 */
import { choice, duration, integer, optionalSize, section, size } from '../option.ts';
import { ladderSection } from './ladder-section.ts';

export const librarySection = section({
  quota: optionalSize(
    '',
    'Most bytes of all originals, those in the trash and in running uploads included. Default: no limit but the disk.',
    { reload: 'live' },
  ),
  quotaPerOwner: optionalSize('', 'The same for each administrator or API token.', { reload: 'live' }),
  maxUpload: optionalSize('', 'Most bytes of one uploaded file. Default: no limit but the disk.', { reload: 'live' }),
  uploadExpiry: duration('24h', 'How long an unfinished upload is kept after its last byte.', {
    min: '1m',
    reload: 'live',
  }),
  parallelUploads: integer('200', { min: 1, max: 10_000 }, 'Number of requests that store uploads at the same time.', {
    reload: 'live',
  }),
  staging: choice(
    ['auto', 'disk', 'bucket'],
    'auto',
    'Where the bytes of an upload are until it is complete: in the data folder (`disk`), or in the object store of `storage.target` as they come (`bucket`), so that any node continues an upload. `auto`: `bucket` in a cluster whose `storage.target` is of the type `s3` or `gcs`, `disk` otherwise.',
  ),
  stagingMemory: size(
    '256M',
    'Most memory for parts of uploads that are sent to a bucket; each request that stores an upload needs 8 MiB, more for files above 62 GiB.',
    { reload: 'live' },
  ),
  hashThreads: integer(
    '1',
    {
      min: 1,
      max: 16,
      why: 'one thread hashes more than a gigabyte a second where processors have instructions for it',
    },
    'Most threads that hash uploads while they arrive. One hashes all uploads in turns; more help where many large files arrive over a fast network.',
  ),
  trash: duration('30d', 'How long a deleted asset stays in the trash, where it can be restored.', { reload: 'live' }),
  ladder: ladderSection,
});
