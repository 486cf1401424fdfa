/**
 * A line of the audit log as a sentence: who did what to which stream, room, video or account.
 * In: an entry, names of its subjects. Out: words; the operation and the request remain for those who
 * look for them. Pure.
 */
import type { AuditEntry } from '../../../../src/api/account/account-shapes.ts';
import { isTextKey, type TextKey } from '../../text/text.ts';
import { auditName } from './name.ts';

type Translate = (key: TextKey, values?: Readonly<Record<string, string>>) => string;
/** The entry without what the sentence does not need. */
type SpokenEntry = Pick<AuditEntry, 'name' | 'action' | 'request' | 'status'>;

/** What a request is about: a collection of the API and the id in it. */
export interface Subject {
  readonly of: string;
  readonly id: string;
}

/** Operations whose name is not a verb and its object, as `createStream` is. */
const special: Readonly<Record<string, readonly [verb: string, object: string]>> = {
  acknowledgeAlarm: ['acknowledge', 'Alarm'],
  chunkUpload: ['begin', 'Upload'],
  completePasswordResets: ['update', 'MePassword'],
  completeUpload: ['finish', 'Upload'],
  createEmailVerification: ['confirm', 'MeEmail'],
  createMailInvitation: ['send', 'Invitation'],
  createPasswordReset: ['request', 'PasswordReset'],
  createPushSubscription: ['start', 'PushSubscription'],
  createRoomCommand: ['update', 'RoomPlay'],
  createTelevisionsApproval: ['connect', 'Television'],
  createUserPasswordReset: ['request', 'UserPasswordReset'],
  deletedRecording: ['delete', 'Recording'],
  downloadedCase: ['download', 'CaseArchive'],
  exportedCase: ['export', 'CaseArchive'],
  cutStreamMixer: ['update', 'StreamMixer'],
  deletePushSubscription: ['end', 'PushSubscription'],
  deleteSession: ['end', 'Session'],
  deleteStreamAlarmsMute: ['unmute', 'StreamAlarms'],
  findCameras: ['request', 'CameraSearch'],
  deleteStreamFollow: ['end', 'StreamFollow'],
  deleteStreamChannelLive: ['end', 'StreamChannelLive'],
  fileUploads: ['finish', 'Upload'],
  gotoStreamCamera: ['move', 'StreamCamera'],
  healStream: ['send', 'StreamFile'],
  initUpload: ['begin', 'Upload'],
  lookCameras: ['probe', 'Camera'],
  moveRoomItems: ['update', 'RoomItem'],
  openClip: ['open', 'ClipToMore'],
  probe: ['probe', 'Address'],
  replayWebhook: ['send', 'PastEvents'],
  replaceStreamAlarmsMute: ['mute', 'StreamAlarms'],
  replaceStreamChannelLive: ['start', 'StreamChannelLive'],
  replaceStreamFollow: ['start', 'StreamFollow'],
  replaceUploadsFile: ['finish', 'Upload'],
  revokeStreamWatchTokens: ['revoke', 'StreamWatchToken'],
  rtpStream: ['start', 'StreamRtp'],
  startMarkStream: ['update', 'StreamStartMark'],
  testPushSubscription: ['send', 'PushTest'],
  testMail: ['send', 'TestMail'],
};
/** Operations that need no object. */
const alone: Readonly<Record<string, 'signedIn' | 'entered'>> = { createSession: 'signedIn', createGuest: 'entered' };

/** The stream, room, asset or account in the path of a request; null: there is none. */
export function subjectOf(request: string): Subject | null {
  const [, of, id] =
    /^[A-Z]+ \/api\/v1\/(streams|rooms|assets|users|nodes|cases|angle-sets)\/([^/]+)/.exec(request) ?? [];
  if (of === undefined || id === undefined) return null;
  try {
    return { of, id: decodeURIComponent(id) };
  } catch {
    return { of, id };
  }
}

function partsOf(action: string): readonly [verb: string, object: string] {
  const [, verb = '', object = ''] = /^([a-z]+)([A-Z]\w*)?$/.exec(action) ?? [];
  return special[action] ?? [verb === 'replace' ? 'update' : verb, object.replace(/Items$/, 'Item')];
}

/**
 * The verb and its object; null if the operation has no words.
 * @param name of the subject; empty: it has none yet
 */
function wordsOf(action: string, name: string, t: Translate): { did: string; do: string; what: string } | null {
  const [verb, object] = partsOf(action);
  const keys = [`audit.did.${verb}`, `audit.do.${verb}`, `audit.${name === '' ? 'new' : 'what'}.${object}`];
  const [did, todo, named = ''] = keys;
  const objectKey = isTextKey(named) ? named : `audit.what.${object}`;
  if (!isTextKey(did!) || !isTextKey(todo!) || !isTextKey(objectKey)) return null;
  return { did: t(did), do: t(todo), what: t(objectKey, { name }).trim() };
}

/**
 * The sentence of an entry; null if its operation has no words.
 *
 * @param nameOf the name of what an entry is about, as people know it
 */
export function auditSentence(entry: SpokenEntry, nameOf: (subject: Subject) => string, t: Translate): string | null {
  const who = entry.name === '' ? t('audit.someone') : auditName(entry.name, t);
  const isRefused = entry.status !== null && entry.status >= 400;
  const single = alone[entry.action];
  if (single !== undefined) return t(isRefused ? `audit.${single}Not` : `audit.${single}`, { who });
  const subject = subjectOf(entry.request);
  const words = wordsOf(entry.action, subject ? nameOf(subject) : '', t);
  return words && t(isRefused ? 'audit.couldNot' : 'audit.sentence', { who, ...words });
}

/** What an operation does, to choose from; its name if it has no words. */
export function actionText(action: string, t: Translate): string {
  const single = alone[action];
  if (single !== undefined) return t(`audit.${single}Option`);
  const words = wordsOf(action, '', t);
  return words ? t('audit.option', words) : action;
}
