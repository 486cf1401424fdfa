/**
 * The settings of cameras, a part of the table of all settings.
 * In: the types of settings. Out: the section `cameras` for config/schema.ts.
 */
import { isIPv4 } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import { createOption, type Option, section, textOf } from '../../config/option.ts';

/** An IPv4 address with a port. */
export interface ProbeAddress {
  readonly host: string;
  readonly port: number;
}

function probeAddress(defaultText: string, sentence: string): Option<ProbeAddress> {
  const read = (value: unknown): ProbeAddress => {
    const text = textOf(value, 'an address such as 239.255.255.250:3702');
    const [host = '', digits = '3702', ...more] = text.trim().split(':');
    const port = Number(digits);
    if (more.length > 0 || !isIPv4(host) || !/^\d{1,5}$/.test(digits) || port < 1 || port > 65_535) {
      throw new FormatError(`"${text.slice(0, 60)}" is no IPv4 address with a port, such as 239.255.255.250:3702`, 0);
    }
    return { host, port };
  };
  const print = ({ host, port }: ProbeAddress) => `${host}:${port}`;
  return createOption({ placeholder: 'HOST:PORT', json: { type: 'string' }, read, print }, defaultText, sentence, {
    reload: 'live',
  });
}

export const camerasSection = section({
  probe: probeAddress(
    '239.255.255.250:3702',
    'Where the search for cameras (WS-Discovery) is sent when an administrator requests it: a multicast group, on all networks of this computer, or the address of one device.',
  ),
});
