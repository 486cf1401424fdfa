/**
 * The setting `altSvc`: the value of the header field Alt-Svc, with which a server announces where else it
 * answers, for example by HTTP/3.
 * In: text such as `h3=":443"; ma=86400`. Out: the same text, checked. RFC 7838 3.
 */
import { FormatError } from '@oxbow/media/errors';
import { createOption, type Option, textOf } from '../option.ts';

/** Characters. The field is part of every answer. */
const MAX_LENGTH = 500;
const MAX_PORT = 65_535;
const EXAMPLE = 'h3=":443"; ma=86400';

/** RFC 9110 5.6.2. */
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** RFC 9110 5.6.4, ASCII only. */
const quoted = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"';
const parameter = `[ \\t]*;[ \\t]*(${token})=(${token}|${quoted})`;
/** One alternative, up to the comma in front of the next one. */
const alternative = new RegExp(`(${token})=(${quoted})((?:${parameter})*)[ \\t]*(?:$|,[ \\t]*(?=.))`, 'y');
const authority = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])?:(\d{1,5})$/;

/** An optional value of Alt-Svc; the empty text is undefined. */
export function altSvc(sentence: string): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    const text = textOf(value, `text such as ${EXAMPLE}`).trim();
    if (text === '') return undefined;
    checkAltSvc(text);
    return text;
  };
  const kind = {
    placeholder: 'VALUE',
    json: { type: 'string', maxLength: MAX_LENGTH },
    read,
    print: (value: string | undefined) => value ?? '',
  };
  return createOption(kind, '', sentence);
}

/** @throws FormatError with what to write instead */
function checkAltSvc(text: string): void {
  if (text.length > MAX_LENGTH) throw new FormatError(`it has ${text.length} characters; use at most ${MAX_LENGTH}`, 0);
  // It is case-sensitive, and removes what a browser remembers.
  if (text === 'clear') return;
  alternative.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    const [, protocol, address, parameters] = alternative.exec(text) ?? [];
    if (protocol === undefined) {
      const rest = text.slice(at, at + 60);
      throw new FormatError(`"${rest}" is no alternative; write ${EXAMPLE}, with the quotes, or clear`, at);
    }
    checkProtocol(protocol, at);
    checkAuthority(address!, at);
    checkParameters(parameters!, at);
    at = alternative.lastIndex;
  }
}

/** An ALPN name, in which `%` begins two hexadecimal digits in upper case. */
function checkProtocol(protocol: string, at: number): void {
  if (!/%(?![0-9A-F]{2})/.test(protocol)) return;
  throw new FormatError(`"${protocol}" is not the name of a protocol; write h3`, at);
}

function checkAuthority(address: string, at: number): void {
  const port = Number(authority.exec(unquoted(address))?.[1] ?? 0);
  if (port >= 1 && port <= MAX_PORT) return;
  throw new FormatError(`${address} is not ":PORT" or "HOST:PORT", with a port from 1 to ${MAX_PORT}`, at);
}

function checkParameters(text: string, at: number): void {
  for (const [, name, value = ''] of text.matchAll(new RegExp(parameter, 'g'))) {
    const content = unquoted(value);
    if (name === 'ma' && !/^\d{1,10}$/.test(content))
      throw new FormatError(`ma=${value} is not a number of seconds, such as ma=86400`, at);
    if (name === 'persist' && content !== '1') throw new FormatError(`persist=${value} can only be persist=1`, at);
  }
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
