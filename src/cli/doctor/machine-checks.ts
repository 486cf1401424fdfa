/**
 * Checks of kernel settings, limits, the clock, and media hardware.
 * In: files of the system. Out: findings, none for files that the system does not have. docs/9-run/doctor.md
 * explains the values.
 */
import { type Finding, ok, warning } from './finding.ts';
import type { Machine } from './machine.ts';

interface KernelSetting {
  readonly name: string;
  readonly fits: (value: number) => boolean;
  readonly advised: number;
  readonly why: string;
}

/** Values with a measured effect; Linux only. */
const kernelSettings: readonly KernelSetting[] = [
  {
    name: 'net.ipv4.tcp_notsent_lowat',
    fits: (value) => value <= 131_072,
    advised: 131_072,
    why: 'limits the memory of the kernel for each slow viewer',
  },
  {
    name: 'net.core.somaxconn',
    fits: (value) => value >= 4096,
    advised: 4096,
    why: 'lets many viewers connect at once',
  },
];

const LEAST_FILES = 65_536;

/** Checks kernel settings and the limit of open files. */
export function checkKernel(machine: Machine): readonly Finding[] {
  const findings = kernelSettings.flatMap(({ name, fits, advised, why }) => {
    const text = machine.read(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (text === undefined || !/^\d+\s*$/.test(text)) return [];
    const value = Number(text);
    if (fits(value)) return [ok(name, String(value))];
    return [warning(name, String(value), `sudo sysctl -w ${name}=${advised}  # ${why}`)];
  });
  const files = /^Max open files\s+(\d+|unlimited)/m.exec(machine.read('/proc/self/limits') ?? '')?.[1];
  if (files === undefined) return findings;
  const isEnough = files === 'unlimited' || Number(files) >= LEAST_FILES;
  const hint = `ulimit -n ${LEAST_FILES}  # or LimitNOFILE=${LEAST_FILES} in the unit; each viewer uses one`;
  return [...findings, isEnough ? ok('open files', files) : warning('open files', files, hint)];
}

/** Time services, and the file that shows that each one runs. */
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

/** A clock before this time was never set: oxbow is newer. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/**
 * Checks the clock: recordings are addressed by its time.
 *
 * @param nowMs since 1970
 * @param platform as in `process.platform`
 */
export function checkClock(machine: Machine, nowMs: number, platform: string): Finding {
  const now = new Date(nowMs).toISOString();
  const hint = 'sudo timedatectl set-ntp true  # or install chrony; in a container, on its host';
  if (nowMs < EARLIEST_MS) return { name: 'clock', state: 'failed', text: `${now} is in the past`, hint };
  const keeper = timeKeepers.find(([path]) => machine.exists(path))?.[1];
  if (keeper !== undefined) return ok('clock', `${now}, synchronized by ${keeper}`);
  // These two synchronize the clock unless the user switched it off.
  if (platform === 'darwin' || platform === 'win32') return ok('clock', `${now}, synchronized by the system`);
  return warning('clock', `${now}; whether it is synchronized is unknown`, hint);
}

/** Lists media hardware and checks its permissions. */
export function checkHardware(machine: Machine, mayUse: (path: string) => boolean): Finding {
  const name = 'media hardware';
  const nodes = machine.list('/dev/dri').filter((each) => each.startsWith('renderD'));
  const nvidia = /Kernel Module(?:\s+for \S+)?\s+([\d.]+)/.exec(machine.read('/proc/driver/nvidia/version') ?? '')?.[1];
  const devices = [
    ...nodes.map((each) => `/dev/dri/${each}`),
    ...(nvidia === undefined ? [] : [`NVIDIA, driver ${nvidia}`]),
  ];
  if (devices.length === 0) return ok(name, 'none found; oxbow needs none');
  const closed = nodes.filter((each) => !mayUse(`/dev/dri/${each}`));
  if (closed.length === 0) return ok(name, devices.join(', '));
  const hint = 'sudo usermod -aG render,video $USER  # then log in again';
  return warning(name, `${devices.join(', ')}; this user has no access to ${closed.join(', ')}`, hint);
}
