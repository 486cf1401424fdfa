/**
 * Why a media server could not be connected or read, in the words of the person who knows its address.
 * In: a failed request. Out: a title and a hint.
 */
import type { Failure } from '../api/client.ts';
import { failureText, t } from '../viewer/preferences.svelte.ts';

const causes: Readonly<Record<string, 'refused' | 'away' | 'private'>> = {
  'media-server-refused': 'refused',
  'source-failed': 'away',
  'address-refused': 'private',
};

/** The words of a failure. `detail`: those of the server, in English; empty if it sent none. */
export function serverFailureText(failure: Failure): { title: string; hint: string; detail: string } {
  const cause = causes[failure.code];
  const { detail = '' } = failure;
  if (cause === undefined) return { ...failureText(failure), detail: '' };
  return { title: t(`servers.failed.${cause}`), hint: t(`servers.failed.${cause}.hint`), detail };
}
