/**
 * The browser and the system of a User-Agent, for people.
 * In: a User-Agent header. Out: text such as "Firefox 142 · Windows". Pure.
 */

const browsers = [
  ['Edge', /Edg(?:e|A|iOS)?\/(\d+)/],
  ['Opera', /OPR\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:Chrome|CriOS)\/(\d+)/],
  ['Safari', /Version\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari/],
] as const;
const systems = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['ChromeOS', /CrOS/],
  ['Linux', /Linux/],
] as const;

/** An unknown User-Agent is returned unchanged. */
export function browserName(userAgent: string): string {
  const [browser, version] = browsers.flatMap(([name, form]) => {
    const match = form.exec(userAgent);
    return match ? [name, match[1]!] : [];
  });
  const system = systems.find(([, form]) => form.test(userAgent))?.[0];
  if (browser === undefined) return userAgent;
  return system ? `${browser} ${version} · ${system}` : `${browser} ${version}`;
}
