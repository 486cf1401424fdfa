/**
 * Builds a Debian package: what `npm pack` publishes, its dependencies, and Node, because
 * Debian's is too old. `npm run deb [-- FOLDER]`; needs dpkg-deb. In: the working tree, the npm
 * registry. Out: FOLDER/oxbow_VERSION_ARCH.deb. Runs on whatever Node the machine has.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch];
if (!architecture) throw new Error(`There is no Debian package for ${process.arch}.`);
const folder = resolve(process.argv[2] ?? '.');
const staging = mkdtempSync(join(tmpdir(), 'oxbow-deb-'));

try {
  const home = join(staging, 'usr', 'lib', 'oxbow');
  installPackage(home);
  layOut(home);
  writeControl();
  const file = join(folder, `oxbow_${version}_${architecture}.deb`);
  mkdirSync(folder, { recursive: true });
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', staging, file], { stdio: 'inherit' });
  console.log(file);
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** The package as npm publishes it, and its dependencies as the lock file has them. */
function installPackage(home) {
  const at = mkdtempSync(join(tmpdir(), 'oxbow-pack-'));
  try {
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', at], { cwd: root, encoding: 'utf8' });
    // The output of the build comes first.
    const { filename } = JSON.parse(packed.slice(packed.lastIndexOf('\n[') + 1))[0];
    execFileSync('tar', ['-xzf', join(at, filename), '-C', at]);
    mkdirSync(join(home, '..'), { recursive: true });
    cpSync(join(at, 'package'), home, { recursive: true });
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
  cpSync(join(root, 'package-lock.json'), join(home, 'package-lock.json'));
  execFileSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: home,
    stdio: 'inherit',
  });
  const node = `node_modules/node-linux-${process.arch}`;
  for (const left of [
    ...['package-lock.json', 'node_modules/.package-lock.json', 'node_modules/.bin'],
    ...[`${node}/include`, `${node}/share`, `${node}/lib`],
  ]) {
    rmSync(join(home, left), { recursive: true, force: true });
  }
}

/** Where Debian keeps each file. */
function layOut(home) {
  const place = (...path) => {
    mkdirSync(join(staging, ...path.slice(0, -1)), { recursive: true });
    return join(staging, ...path);
  };
  symlinkSync('../lib/oxbow/bin/oxbow', place('usr', 'bin', 'oxbow'));
  const unit = readFileSync(join(home, 'deploy', 'oxbow.service'), 'utf8');
  const ownPath = unit.replace(/^# Found in .*\n/m, '').replace(/^ExecStart=oxbow /m, 'ExecStart=/usr/bin/oxbow ');
  writeFileSync(place('lib', 'systemd', 'system', 'oxbow.service'), ownPath);
  renameSync(join(home, 'deploy', 'oxbow.socket'), place('lib', 'systemd', 'system', 'oxbow.socket'));
  renameSync(join(home, 'deploy', '90-oxbow.conf'), place('usr', 'lib', 'sysctl.d', '90-oxbow.conf'));
  const licence = `Upstream-Name: oxbow\nLicense: Apache-2.0, see /usr/share/common-licenses/Apache-2.0\n\n`;
  writeFileSync(
    place('usr', 'share', 'doc', 'oxbow', 'copyright'),
    licence + readFileSync(join(home, 'NOTICE'), 'utf8'),
  );
  const changes = gzipSync(readFileSync(join(home, 'CHANGELOG.md')), { level: 9 });
  writeFileSync(place('usr', 'share', 'doc', 'oxbow', 'changelog.gz'), changes);
  rmSync(join(home, 'LICENSE')); // Debian has it
}

function writeControl() {
  const control = join(staging, 'DEBIAN');
  mkdirSync(control);
  const size = execFileSync('du', ['-sk', '--apparent-size', staging], { encoding: 'utf8' }).split('\t')[0];
  const fields = [
    ...['Package: oxbow', `Version: ${version}`, `Architecture: ${architecture}`, `Installed-Size: ${size}`],
    ...['Section: video', 'Priority: optional', 'Maintainer: oxbow <oxbow@packages.invalid>'],
    ...['Depends: libc6 (>= 2.28), libstdc++6', 'Recommends: yt-dlp', `Description: ${description.replace(/\.$/, '')}`],
    ' Records live streams, serves them with low latency, and lets people rewind,',
    ' clip, upload and watch together. Contains its own Node.',
  ];
  writeFileSync(join(control, 'control'), `${fields.join('\n')}\n`);
  const scripts = {
    // The service listens on this computer only until it is configured otherwise.
    postinst: `if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ -n "$2" ]; then systemctl try-restart oxbow.service; else systemctl enable --now oxbow.service; fi
fi
`,
    prerm: `if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now oxbow.service oxbow.socket || true
fi
`,
    // Recordings in /var/lib/oxbow stay, also after a purge.
    postrm: `rm -rf /usr/lib/oxbow/node_modules/.cache
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
`,
  };
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(control, name), `#!/bin/sh\nset -e\n${text}`);
    chmodSync(join(control, name), 0o755);
  }
}
