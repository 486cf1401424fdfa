/**
 * What users enter for stream keys and encryption: ranges of addresses, an expiry, a passphrase.
 * In: text of form fields. Out: values of the API, or problems. Pure. The server checks them again.
 */

/** The addresses and ranges of a text, separated by commas, spaces or lines. */
export function rangesOf(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((each) => each !== '');
}

/**
 * The first entry that is neither an address nor a range, as `203.0.113.7` or `2001:db8::/32`; undefined if
 * all are.
 */
export function wrongRange(ranges: readonly string[]): string | undefined {
  return ranges.find((range) => {
    const [address = '', bits, ...more] = range.split('/');
    const isV6 = address.includes(':');
    const isAddress = isV6 ? URL.canParse(`http://[${address}]/`) : isV4(address);
    const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isV6 ? 128 : 32));
    return !isAddress || !isPrefix || more.length > 0;
  });
}

function isV4(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address.split('.').every((byte) => Number(byte) < 256);
}

/**
 * The instant of a field of type `datetime-local` as the API takes it; undefined if it is empty or not in the
 * future.
 *
 * @param nowMs unix milliseconds
 */
export function expiryOf(local: string, nowMs: number): string | undefined {
  const atMs = Date.parse(local);
  return atMs > nowMs ? new Date(atMs).toISOString() : undefined;
}

/** Whether a text can be a passphrase of SRT in an address: programs do not decode other characters. */
export function isPassphrase(text: string): boolean {
  return /^[A-Za-z0-9._~-]{10,79}$/.test(text);
}

/**
 * An address with a key and a passphrase in place of the words KEY and PASSPHRASE; without one, the word
 * stays.
 */
export function withSecrets(
  address: string,
  { key, passphrase }: { readonly key: string; readonly passphrase: string },
): string {
  return address.replace(/\bKEY\b/, key || 'KEY').replace(/\bPASSPHRASE\b/, passphrase || 'PASSPHRASE');
}

/** Whether a passphrase has to be entered in place of the word PASSPHRASE. */
export function hasPlaceholder(address: string): boolean {
  return /\bPASSPHRASE\b/.test(address);
}
