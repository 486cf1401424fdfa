/**
 * Takes secrets out of a line before it is written: bearer tokens, keys, passwords, the user part of URLs,
 * signed paths.
 * In: a finished log line (JSON or text). Out: the same line with `[redacted]` in place of secrets; JSON
 * stays JSON.
 */

const rules: readonly (readonly [RegExp, string])[] = [
  // A member of JSON whose name is that of a secret.
  [
    /"(authorization|proxy-authorization|cookie|set-cookie|token|adminToken|admin-token|key|streamKey|password|passphrase|secret)":"(?:[^"\\]|\\.)*"/gi,
    '"$1":"[redacted]"',
  ],
  // user:password@ of a URL; a password may itself hold an @, so up to the last one before the path.
  [/:\/\/[^\s"'<>\\/?#]*@/g, '://[redacted]@'],
  [
    /([?&](?:key|token|access_token|sig|signature|password|passphrase|streamid|secret|auth)=)[^&\s"'<>\\#]+/gi,
    '$1[redacted]',
  ],
  // In the path of an address of a camera: /user=admin_password=secret_channel=1.
  [/([/_;,&](?:pass|passwd|password|pwd)(?:=|%3d))[^&\s"'<>\\#/]+/gi, '$1[redacted]'],
  [/\b(Bearer|Basic) [A-Za-z0-9._~+/=-]+/g, '$1 [redacted]'],
  // The playback token is the first part of the path: /t/{token}/live/…
  [/\/t\/[^\s"'<>\\/]+(?=\/)/g, '/t/[redacted]'],
];

/**
 * Replaces everything that looks like a secret.
 *
 * @param line text of any length; scanned in linear time
 */
export function redact(line: string): string {
  let clean = line;
  for (const [pattern, replacement] of rules) clean = clean.replace(pattern, replacement);
  return clean;
}
