/**
 * Spellings of addresses that are not public, for the tests of everything that connects to the outside.
 * In: nothing. Out: hosts as in URLs. IANA special-purpose registries; the forms of inet_aton; IPv4 within
 * IPv6.
 */

const PRIVATE = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '172.16.0.1', '100.64.0.1', '0.0.0.0'];
const OTHERS = [
  ...[
    '10.255.255.255',
    '100.127.255.255',
    '127.255.255.254',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
  ],
  ...['168.63.129.16', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255'],
  ...['240.0.0.1', '255.255.255.255', '127.1', '127.0.1', '0', '1', '0x0', '127.0.0.1.', '2130706433.'],
  ...['[::]', '[::1]', '[fe80::1]', '[fe80::1%25eth0]', '[fc00::1]', '[fd12:3456::1]', '[fd00:ec2::254]', '[ff02::1]'],
  ...['[2001:db8::1]', '[3fff::1]', '[100::1]', '[5f00::1]', '[64:ff9b:1::1]', '[2001::1]', '[2001:2::1]', '[4000::1]'],
  ...['[fec0::1]', '[2001:0:4136:e378:8000:63bf:3fff:fdd2]', '[::8.8.8.8]', '[::ffff:0:8.8.8.8]', '[0:0:0:0:0:0:0:1]'],
  ...['localhost', 'LOCALHOST', '１２７.0.0.1', '①②⑦.0.0.1', '127。0。0。1'],
];

function spellings(dotted: string): string[] {
  const bytes = dotted.split('.').map(Number) as [number, number, number, number];
  const [a, b, c, d] = bytes;
  const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = (value: number) => value.toString(16);
  const high = hex((a << 8) | b);
  const low = hex((c << 8) | d);
  return [
    ...[
      dotted,
      `${dotted}.`,
      String(number),
      `0x${hex(number)}`,
      `0X${hex(number).toUpperCase()}`,
      `0${number.toString(8)}`,
    ],
    ...[bytes.map((byte) => `0x${hex(byte)}`).join('.'), bytes.map((byte) => `0${byte.toString(8)}`).join('.')],
    ...[`${a}.${(b << 16) | (c << 8) | d}`, `${a}.${b}.${(c << 8) | d}`, `0x${hex(a)}.${b}.0${c.toString(8)}.${d}`],
    ...[`[::ffff:${dotted}]`, `[::ffff:${high}:${low}]`, `[0:0:0:0:0:ffff:${high}:${low}]`, `[::${dotted}]`],
    ...[`[64:ff9b::${dotted}]`, `[2002:${high}:${low}::]`, `[::ffff:0:${dotted}]`, `[2606:4700::5efe:${dotted}]`],
  ];
}

/** 169 and more hosts that a user must not make oxbow connect to. */
export function addressForms(): string[] {
  return [...new Set([...PRIVATE.flatMap(spellings), ...OTHERS])];
}
