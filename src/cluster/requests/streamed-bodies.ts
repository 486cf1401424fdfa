/**
 * Requests whose body goes to its owner as it comes, because it may have many gigabytes: files of the
 * library. All others are read first.
 * In: method and target of a request. Out: yes or no, the same at the node that sends it and at the one that
 * receives it. Pure.
 */

/** Uploads by tus, in one request and in chunks; subtitles of an asset. */
const STREAMED = /^\/api\/v1\/(?:uploads(?:\/[^/?]+)?|upload\/chunk|assets\/[^/?]+\/subtitles)(?:\?|$)/;
const METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Whether the signature of a request does not cover its body. @param target origin form */
export function streamsBody(method: string, target: string): boolean {
  return METHODS.has(method) && STREAMED.test(target);
}
