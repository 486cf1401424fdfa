/**
 * The address of a camera with its user.
 * In: text of the API, or a row. Out: what the client of ONVIF wants.
 */
import { FormatError } from '@oxbow/media/errors';
import { type OnvifAddress, parseOnvifUrl } from '../../ingest/onvif/onvif-url.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { CameraUser, StoredCamera } from './camera-table.ts';

/**
 * Reads an address of the API: `onvif://…`, `http://…` or a host, with or without a user.
 *
 * @throws OxbowError `bad-request` for another form
 */
export function readAddress(text: string, { user = '', password = '' }: Partial<CameraUser>): OnvifAddress {
  const trimmed = text.trim();
  const isBare = !/^[a-z]+:\/\//i.test(trimmed);
  try {
    const address = parseOnvifUrl(isBare ? `onvif://${trimmed}` : trimmed.replace(/^http(s?):/i, 'onvif$1:'));
    return user === '' ? address : { ...address, user, password };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-request', sentenceOf(error), { cause: error });
  }
}

/** The address of a row. @throws OxbowError `source-failed` if its login cannot be read */
export function addressOf({ address, login }: Pick<StoredCamera, 'address' | 'login'>): OnvifAddress {
  if (!login) {
    throw new OxbowError('source-failed', 'The password of the camera was sealed by another server; enter it again.');
  }
  return { device: new URL(address), user: login.user, password: login.password, recording: undefined };
}
