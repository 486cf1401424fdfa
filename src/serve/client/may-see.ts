/**
 * Whether a principal may see a restricted stream without a playback token.
 * In: a principal, a name. Out: yes or no.
 */
import { may } from '../../accounts/permissions.ts';
import type { Principal } from '../../accounts/principal.ts';
import type { StreamsApi } from '../../api/streams-api.ts';

/**
 * Of any stream but a signed one, as of a private one: only those who see all can find out what was private
 * before or does not exist.
 */
export function maySee(principal: Principal, stream: string, streams: Pick<StreamsApi, 'visibilityOf'>): boolean {
  return may(principal, 'watch', { visibility: streams.visibilityOf(stream) === 'signed' ? 'signed' : 'private' });
}
