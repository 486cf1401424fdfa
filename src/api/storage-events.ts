/**
 * Events of disks, folders and object stores, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from './type.ts';

const Detail = Type.String({ description: 'for a person' });

/** The rows. */
export const storageEvents = {
  'disk.low': {
    audience: 'admin',
    sentence: 'The disk is full: recording has stopped.',
    data: Type.Object({ free: Type.Integer({ description: 'bytes' }), total: Type.Integer({ description: 'bytes' }) }),
  },
  'disk.ok': {
    audience: 'admin',
    sentence: 'The disk has room again: recording continues.',
    data: Type.Object({ free: Type.Integer({ description: 'bytes' }), total: Type.Integer({ description: 'bytes' }) }),
  },
  'recording.damaged': {
    audience: 'admin',
    sentence:
      'A stored file is damaged, missing, unreadable or without an index row. Its damaged segments are a gap from now on.',
    data: Type.Object({
      file: Type.String({ description: 'relative to the data folder' }),
      problem: Type.String({ description: '`damaged`, `missing`, `unreadable`, `orphan`' }),
      segments: Type.Integer({ description: 'damaged segments, where the number is known' }),
      asset: Type.Optional(Type.String({ description: 'id of the asset, if the file is of the library' })),
      detail: Detail,
    }),
  },
  'recording.repaired': {
    audience: 'admin',
    sentence: 'A damaged file was replaced by its intact second copy in an object store.',
    data: Type.Object({
      file: Type.String({ description: 'relative to the data folder' }),
      asset: Type.Optional(Type.String({ description: 'id of the asset, if the file is of the library' })),
    }),
  },
  'folder.failing': {
    audience: 'admin',
    sentence: 'A folder of recordings is missing or full: its streams are not recorded.',
    data: Type.Object({ folder: Type.String({ description: 'its name in the settings' }), detail: Detail }),
  },
  'folder.ok': {
    audience: 'admin',
    sentence: 'A folder of recordings can be used again: recording continues.',
    data: Type.Object({ folder: Type.String({ description: 'its name in the settings' }) }),
  },
  'storage.failing': {
    audience: 'admin',
    sentence: 'An object store fails: files stay in the data folder, and recording continues.',
    data: Type.Object({ target: Type.String({ description: 'its name in the settings' }), detail: Detail }),
  },
  'storage.ok': {
    audience: 'admin',
    sentence: 'The object store works again: files are copied or moved to it.',
    data: Type.Object({ target: Type.String({ description: 'its name in the settings' }) }),
  },
} as const;
