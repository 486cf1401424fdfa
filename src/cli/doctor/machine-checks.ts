/**
 * What the doctor reads of the machine: kernel settings, limits, the clock, hardware for media.
 * In: files of the system. Out: findings, none for what the system does not have. Values: research measured them; docs/6-run/doctor.md.
 */
import { type Finding, ok, warning } from './finding.ts';
import type { Machine } from './machine.ts';

interface KernelSetting {
  readonly name: string;
  readonly fits: (value: number) => boolean;
  readonly wished: number;
  readonly why: string;
}

/** Values that were measured to matter; other systems than Linux have none of them. */
const kernelSettings: readonly KernelSetting[] = [
  {
    name: 'net.ipv4.tcp_notsent_lowat',
    fits: (value) => value <= 131_072,
    wished: 131_072,
    why: 'bounds the memory the kernel holds for each slow viewer',
  },
  {
    name: 'net.core.somaxconn',
    fits: (value) => value >= 4096,
    wished: 4096,
    why: 'lets many viewers join at once',
  },
];

const LEAST_FILES = 65_536;

/** Kernel settings and the limit of open files. */
export function checkKernel(machine: Machine): readonly Finding[] {
  const findings = kernelSettings.flatMap(({ name, fits, wished, why }) => {
    const given = machine.read(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (given === undefined || !/^\d+\s*$/.test(given)) return [];
    const value = Number(given);
    if (fits(value)) return [ok(name, String(value))];
    return [warning(name, String(value), `sudo sysctl -w ${name}=${wished}  # ${why}`)];
  });
  const files = /^Max open files\s+(\d+|unlimited)/m.exec(machine.read('/proc/self/limits') ?? '')?.[1];
  if (files === undefined) return findings;
  const isEnough = files === 'unlimited' || Number(files) >= LEAST_FILES;
  const hint = `ulimit -n ${LEAST_FILES}  # or LimitNOFILE=${LEAST_FILES} in the unit; each viewer takes one`;
  return [...findings, isEnough ? ok('open files', files) : warning('open files', files, hint)];
}

/** What keeps a clock right, and the file by which it shows itself. */
const timeKeepers: readonly (readonly [path: string, name: string])[] = [
  ['/run/systemd/timesync/synchronized', 'systemd-timesyncd'],
  ['/run/chrony/chronyd.pid', 'chrony'],
  ['/run/chronyd.pid', 'chrony'],
  ['/var/run/chrony/chronyd.pid', 'chrony'],
  ['/run/ntpd.pid', 'ntpd'],
  ['/var/run/ntpd.pid', 'ntpd'],
  ['/run/ntpsec/ntpd.pid', 'ntpsec'],
  ['/var/run/ntpd.sock', 'openntpd'],
];

/** oxbow is younger than this: a clock before it was never set. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/**
 * Whether the clock can be believed: every recording stands at the time that it told.
 *
 * @param nowMs since 1970
 * @param platform as in `process.platform`
 */
export function checkClock(machine: Machine, nowMs: number, platform: string): Finding {
  const now = new Date(nowMs).toISOString();
  const hint = 'sudo timedatectl set-ntp true  # or install chrony; in a container, on its host';
  if (nowMs < EARLIEST_MS) return { name: 'clock', state: 'failed', text: `${now} lies in the past`, hint };
  const keeper = timeKeepers.find(([path]) => machine.exists(path))?.[1];
  if (keeper !== undefined) return ok('clock', `${now}, kept right by ${keeper}`);
  // These two keep time themselves, unless somebody switched that off.
  if (platform === 'darwin' || platform === 'win32') return ok('clock', `${now}, kept right by the system`);
  return warning('clock', `${now}; whether anything keeps it right is unknown`, hint);
}

/** Hardware that may help with media: only what is there, and whether it may be used. */
export function checkHardware(machine: Machine, mayUse: (path: string) => boolean): Finding {
  const name = 'media hardware';
  const nodes = machine.list('/dev/dri').filter((each) => each.startsWith('renderD'));
  const nvidia = /Kernel Module(?:\s+for \S+)?\s+([\d.]+)/.exec(machine.read('/proc/driver/nvidia/version') ?? '')?.[1];
  const found = [
    ...nodes.map((each) => `/dev/dri/${each}`),
    ...(nvidia === undefined ? [] : [`NVIDIA, driver ${nvidia}`]),
  ];
  if (found.length === 0) return ok(name, 'none found; oxbow needs none');
  const closed = nodes.filter((each) => !mayUse(`/dev/dri/${each}`));
  if (closed.length === 0) return ok(name, found.join(', '));
  const hint = 'sudo usermod -aG render,video $USER  # then log in again';
  return warning(name, `${found.join(', ')}; this user may not use ${closed.join(', ')}`, hint);
}
