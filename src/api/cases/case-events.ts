/**
 * Events of cases, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

const CaseData = {
  id: Type.String(),
  title: Type.String(),
  owner: Type.String({ description: '`admin`, `user:` with the id of a user, or `token:` with that of an API token' }),
};

/** The rows. */
export const caseEvents = {
  'case.created': { audience: 'owner', sentence: 'A case was opened.', data: Type.Object(CaseData) },
  'case.changed': {
    audience: 'owner',
    sentence: 'The title, the ranges or the notes of a case changed.',
    data: Type.Object(CaseData),
  },
  'case.closed': {
    audience: 'owner',
    sentence: 'A case was closed: its legal holds are lifted.',
    data: Type.Object(CaseData),
  },
  'case.reopened': {
    audience: 'owner',
    sentence: 'A closed case was opened again: its ranges are held again.',
    data: Type.Object(CaseData),
  },
  'case.deleted': { audience: 'owner', sentence: 'A closed case was deleted.', data: Type.Object(CaseData) },
  'case.exported': {
    audience: 'owner',
    sentence: 'An archive of a case was written.',
    data: Type.Object({
      ...CaseData,
      job: Type.String({ description: 'id of the export' }),
      by: Type.String({ description: 'who exported it, as in the audit log' }),
      bytes: Type.Integer(),
      sha256: Type.String({ description: 'of the archive, hexadecimal' }),
    }),
  },
} as const;
