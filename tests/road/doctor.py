#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""doctor: a machine that has everything is in order, and each single thing that is missing is found, named and has a remedy."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import Gpg, read, write  # noqa: E402

UNITS = {'modfetch.service': 'basic', 'modfetch-coldplug.service': 'basic', 'modfetch-fetch.socket': 'sockets', 'modfetch-refresh.timer': 'timers',
         'modfetch-initrd.path': 'paths', 'modfetch-trials-begin.service': 'sysinit', 'modfetch-trials-judge.service': 'basic'}
SECURE_BOOT = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c'
MOK_NEW = 'sys/firmware/efi/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23'
SIGN = os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..', '..', 'tests', 'sign-driver')
DAY = 86400


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = r.test_keys()
        cls.directory = tempfile.mkdtemp(prefix='doctor-')
        shutil.copytree(r.repository('small'), f'{cls.directory}/drivers')
        r.next_second()
        r.sign(f'{cls.directory}/drivers')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def setUp(self):
        self.root = r.Root(modules=())
        self.addCleanup(self.root.close)
        self.server = r.Server(self.directory)
        self.addCleanup(self.server.close)
        os.unlink(self.path('etc/modfetch/keys/repo.d/repo.pem'))
        self.write('etc/passwd', 'root:x:0:0::/:/bin/sh\nmodfetch:x:990:990::/:/sbin/nologin\n')
        self.write('usr/lib/udev/rules.d/81-modfetch.rules', '')
        self.write('usr/lib/systemd/systemd', '')
        self.write('sys/fs/cgroup/system.slice/modfetch.service/cgroup.procs', '')
        os.makedirs(self.path('run/systemd/system'))
        for unit, target in UNITS.items():
            self.write(f'usr/lib/systemd/system/{unit}', '[Unit]\n')
            wants = self.path(f'etc/systemd/system/{target}.target.wants')
            os.makedirs(wants, exist_ok=True)
            os.symlink(f'/usr/lib/systemd/system/{unit}', f'{wants}/{unit}')
        for hook in ('usr/share/initramfs-tools/hooks/modfetch', 'usr/lib/dracut/modules.d/90modfetch/module-setup.sh',
                     'etc/kernel/postinst.d/download-modfetch', 'usr/lib/kernel/install.d/45-modfetch.install'):
            self.write(hook, '')
        done = self.root.run('repo', 'add', self.server.url + '/drivers', '--key', f'{self.keys}/repo.crt')
        self.assertEqual(done.returncode, 0, done.stderr)

    def path(self, name):
        return f'{self.root.path}/{name}'

    def write(self, name, text):
        write(self.path(name), text)

    def repo_file(self, change):
        path = 'etc/modfetch/repos.d/drivers.repo'
        self.write(path, change(read(self.path(path)).decode()))

    def diagnose(self, *args, **options):
        """The lines of the checks that are not in order: (check, state) → (text, remedy)."""
        done = self.root.run('--json', 'doctor', *args, **options)
        found = r.json.loads(done.stdout)
        self.assertEqual(found['failed'], len([c for c in found['checks'] if c['state'] == 'failed']))
        self.assertEqual(done.returncode, 1 if found['failed'] else 0, done.stderr)
        for check in found['checks']:
            self.assertEqual(check['remedy'] is None, check['state'] == 'ok', check)
        return {(c['check'], c['state']): (c['text'], c['remedy']) for c in found['checks'] if c['state'] != 'ok'}

    def finds(self, check, state, text, remedy, *args, **options):
        """This is not in order, and nothing else."""
        found = self.diagnose(*args, **options)
        self.assertEqual(list(found), [(check, state)], found)
        self.assertIn(text, found[check, state][0])
        self.assertIn(remedy, found[check, state][1])


class Healthy(Doctor):
    def everything(self):
        """Every file with the time of its last change."""
        return sorted(r.output('find', self.root.path, '-printf', '%p %T@ %C@\\n').splitlines())

    def test_a_machine_that_has_everything_is_in_order(self):
        before = self.everything()
        self.assertEqual(self.diagnose(), {})
        self.assertEqual(self.diagnose('--offline'), {})
        self.assertEqual(self.everything(), before, 'doctor changes nothing')

    def test_for_people_there_is_a_line_each_and_the_remedy(self):
        shutil.rmtree(self.path('usr/lib/udev'))
        done = self.root.run('doctor')
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        at = [i for i, line in enumerate(lines) if line.startswith('failed   udev: ')][0]
        self.assertIn('install modfetch again', lines[at + 1])
        self.assertIn('1 failed, 0 warnings', lines[-1])
        quiet = self.root.run('-q', 'doctor')
        self.assertEqual(quiet.stdout.splitlines(), lines[at:at + 2])

    def test_an_image_without_a_kernel_is_looked_at(self):
        with tempfile.TemporaryDirectory() as empty:
            command = [os.path.abspath(r.MODFETCH), '--root', empty, 'doctor', '--offline']
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn('modfetch repo add URL', done.stdout)
            self.assertEqual(os.listdir(empty), [])


class Repositories(Doctor):
    def test_none(self):
        shutil.rmtree(self.path('etc/modfetch/repos.d'))
        found = self.diagnose()
        self.assertEqual(found['repositories', 'failed'][1], 'modfetch repo add URL')

    def test_all_disabled(self):
        self.root.run('repo', 'disable', 'drivers')
        self.assertIn('repo enable', self.diagnose()['repositories', 'failed'][1])

    def test_an_entry_that_cannot_be_used(self):
        self.write('etc/modfetch/repos.d/bad.repo', '[bad]\nbaseurl=gopher://x\n')
        self.finds('repositories', 'failed', 'bad.repo line 2', 'modfetch-repo(5)')

    def test_no_metadata(self):
        shutil.rmtree(self.path('var/cache/modfetch/drivers'))
        self.assertEqual(self.diagnose()['repositories', 'failed'][1], 'modfetch refresh drivers')

    def test_metadata_of_another_key(self):
        self.write('etc/modfetch/keys/repo.d/drivers.pem', read(f'{self.keys}/other.crt'))
        self.finds('repositories', 'failed', '[UNTRUSTED-KEY]', 'modfetch refresh drivers')

    def test_old_metadata(self):
        self.finds('repositories', 'warning', 'too old', 'modfetch refresh drivers', env=r.clock_at(time.time() + 20 * DAY))

    def test_a_server_that_is_gone(self):
        self.server.refuse['repomd.xml'] = 503
        self.finds('repositories', 'warning', 'cannot be reached', 'network')
        requests = len(self.server.requests)
        self.assertEqual(self.diagnose('--offline'), {})
        self.assertEqual(len(self.server.requests), requests)
        shutil.rmtree(self.path('var/cache/modfetch/drivers'))
        self.assertIn(('repositories', 'failed'), self.diagnose())

    def test_a_list_of_mirrors_without_any_metadata(self):
        self.repo_file(lambda text: text + '[mirrored]\nmirrorlist=http://127.0.0.1:1/list\nkeys=drivers\n')
        self.finds('repositories', 'failed', 'mirrored has no metadata', 'modfetch refresh mirrored')

    def test_one_that_is_not_signed(self):
        self.repo_file(lambda text: text.replace(self.server.url, f'file://{self.directory}') + 'trust=none\n')
        self.assertEqual(self.root.run('refresh').returncode, 2)
        self.finds('repositories', 'warning', 'not signed', 'trust=none')

    def test_a_password_is_not_printed(self):
        self.repo_file(lambda text: text.replace('http://', 'http://user:geheim@') + '[other]\nbaseurl=http://user:geheim@127.0.0.1:1/\n'
                       'gpgkey=http://user:geheim@127.0.0.1:1/KEY\n')
        done = self.root.run('doctor')
        self.assertNotIn('geheim', done.stdout + done.stderr)
        self.assertIn('KEY', done.stdout)

    def test_kernels_that_no_repository_serves(self):
        other = '9.9.9-other'
        self.write(f'lib/modules/{other}/modules.order', '')
        self.finds('kernels', 'warning', other, 'modfetch refresh')
        self.root.kver = other
        self.finds('kernels', 'failed', other, 'boot a kernel')


class Keys(Doctor):
    def certificate(self, days, at):
        path = f'{self.directory}/made.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null',
                        '-out', path, '-subj', '/CN=made', '-days', str(days)], check=True, stderr=subprocess.DEVNULL,
                       env={**os.environ, **r.clock_at(at)})
        return path

    def test_files_that_are_missing_or_damaged(self):
        self.repo_file(lambda text: text.replace('keys=', 'keys=absent '))
        found = self.diagnose()
        self.assertIn('absent', found['keys', 'warning' if ('keys', 'warning') in found else 'failed'][0])
        self.assertIn('modfetch key import drivers', str(found))
        self.repo_file(lambda text: text.replace('absent ', ''))
        self.write('etc/modfetch/keys/repo.d/drivers.pem', 'nonsense')
        self.assertIn(('keys', 'failed'), self.diagnose())

    def test_a_certificate_that_has_expired_or_soon_will(self):
        for days, at, text in ((10, time.time() - 20 * DAY, 'expired'), (10, time.time(), 'expires within')):
            made = self.certificate(days, at)
            before = read(self.path('etc/modfetch/repos.d/drivers.repo'))
            self.assertEqual(self.root.run('key', 'import', 'drivers', made).returncode, 0)
            self.assertEqual(self.root.run('refresh').returncode, 2)
            self.finds('keys', 'warning', text, 'modfetch key import drivers')
            # alone
            self.repo_file(lambda text: text.replace('drivers.pem ', ''))
            found = self.diagnose('--offline')
            self.assertIn(text, found['keys', 'failed' if text == 'expired' else 'warning'][0])
            self.write('etc/modfetch/repos.d/drivers.repo', before)
            os.unlink(self.path('etc/modfetch/keys/repo.d/drivers~2.pem'))
            self.root.run('refresh')

    def test_a_key_for_zypper_or_dnf_alone(self):
        self.repo_file(lambda text: text + '[vendor]\nbaseurl=http://127.0.0.1:1\ngpgkey=https://example.org/KEY\n')
        self.assertEqual(self.diagnose('--offline')['keys', 'failed'][1], 'modfetch key import vendor https://example.org/KEY')

    def test_a_keyring_without_sqv(self):
        gpg = Gpg(self.directory, 'gpg-doctor')
        self.addCleanup(gpg.close)
        gpg.key('vendor')
        write(f'{self.directory}/vendor.asc', gpg.run('--armor', '--export', 'vendor@example.org'))
        self.assertEqual(self.root.run('key', 'import', 'drivers', f'{self.directory}/vendor.asc').returncode, 0)
        self.assertEqual(self.root.run('refresh').returncode, 2)
        self.finds('sqv', 'failed', 'sqv is missing', 'install the package sqv')
        self.write('usr/bin/sqv', '')
        self.assertEqual(self.diagnose(), {})


class Machine(Doctor):
    def test_a_clock_that_is_wrong(self):
        for at in 1000, time.time() - 400 * DAY:
            found = self.diagnose('--offline', env=r.clock_at(at))
            self.assertIn('was signed', found['clock', 'failed'][0])
        shutil.rmtree(self.path('var/lib/modfetch'))
        self.assertIn('not set', self.diagnose('--offline', env=r.clock_at(1000))['clock', 'failed'][0])

    def test_a_user_that_is_missing(self):
        self.write('etc/passwd', 'root:x:0:0::/:/bin/sh\nmodfetcher:x:1:1::/:/\n')
        self.finds('user', 'warning', 'user modfetch does not exist', 'systemd-sysusers')

    def test_a_rule_that_is_replaced(self):
        os.makedirs(self.path('etc/udev/rules.d'))
        os.symlink('/dev/null', self.path('etc/udev/rules.d/81-modfetch.rules'))
        self.finds('udev', 'warning', 'takes the place', 'remove it')

    def test_units(self):
        for unit, target in UNITS.items():
            state = 'failed' if unit == 'modfetch.service' else 'warning'
            link = self.path(f'etc/systemd/system/{target}.target.wants/{unit}')
            os.rename(link, link + '.away')
            self.finds('services', state, f'{unit} is not enabled', f'systemctl enable --now {unit}')
            os.rename(link + '.away', link)
            os.symlink('/dev/null', self.path(f'etc/systemd/system/{unit}'))
            self.assertIn(f'{unit} is masked', self.diagnose()['services', state][0])
            os.unlink(self.path(f'etc/systemd/system/{unit}'))
            self.write(f'etc/systemd/system/{unit}', '')
            self.assertIn(f'{unit} is masked', self.diagnose()['services', state][0])
            os.unlink(self.path(f'etc/systemd/system/{unit}'))
            os.unlink(self.path(f'usr/lib/systemd/system/{unit}'))
            self.finds('services', state, f'{unit} is not installed', 'install modfetch again')
            self.write(f'usr/lib/systemd/system/{unit}', '[Unit]\n')
        self.assertEqual(self.diagnose(), {})

    def test_a_service_that_does_not_run(self):
        shutil.rmtree(self.path('sys/fs/cgroup/system.slice/modfetch.service'))
        self.finds('services', 'failed', 'is not running', 'systemctl start modfetch.service')
        # an image has nothing that runs
        shutil.rmtree(self.path('run/systemd'))
        self.assertEqual(self.diagnose(), {})

    def test_hooks(self):
        for hook in ('usr/share/initramfs-tools/hooks/modfetch', 'usr/lib/dracut/modules.d/90modfetch/module-setup.sh',
                     'etc/kernel/postinst.d/download-modfetch', 'usr/lib/kernel/install.d/45-modfetch.install'):
            os.unlink(self.path(hook))
            self.finds('hooks', 'warning', hook, 'install modfetch again')
            self.write(hook, '')

    def test_space(self):
        for place, size, state in ('run', '2m', 'warning'), ('run', '256k', 'failed'), ('var', '1m', 'failed'):
            where = self.path(place)
            self.assertEqual(subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', where], check=False).returncode, 0)
            try:
                self.assertIn(f'/{place} has', self.diagnose('--offline')['space', state][0])
                subprocess.run(['mount', '-o', 'remount,ro', where], check=True)
                self.assertIn(f'/{place} is mounted read-only', self.diagnose('--offline')['space', 'failed'][0])
            finally:
                subprocess.run(['umount', where], check=True)

    def test_a_transaction_that_was_not_finished(self):
        self.write('var/lib/modfetch/undo', 'modfetch undo 2\n')
        self.finds('transaction', 'warning', 'not finished', 'modfetch queue')

    def test_modprobe(self):
        self.write('proc/sys/kernel/modprobe', '/sbin/modprobe\n')
        lines = self.path('run/modprobe.d/zz-modfetch.conf')
        self.assertTrue(os.path.exists(lines), os.listdir(self.path('run')))
        os.unlink(lines)
        self.finds('modprobe', 'warning', 'zz-modfetch.conf does not exist', 'modfetch refresh')

    def test_the_drivers_of_a_stick(self):
        """They count where there is USB; a module of the kernel's own is enough."""
        os.makedirs(self.path('sys/bus/usb/devices/usb1'))
        os.makedirs(self.path('boot'), exist_ok=True)
        with open(self.path(f'boot/config-{self.root.kver}'), 'w', encoding='ascii') as f:
            f.write('CONFIG_FAT_DEFAULT_IOCHARSET="ascii"\n')
        found = self.diagnose('--offline')
        self.assertEqual(list(found), [('media', 'warning')], found)
        text, remedy = found['media', 'warning']
        self.assertRegex(text, 'not on disk: usb_storage uas sd_mod vfat nls_cp437 nls_ascii')
        names = text.split('not on disk: ')[1].split()
        self.assertEqual(remedy, 'modfetch install ' + ' '.join(names))
        shutil.rmtree(self.root.modules)
        os.mkdir(self.root.modules)
        self.root.copy_modules(names[:-1])
        self.finds('media', 'warning', f'not on disk: {names[-1]}', f'modfetch install {names[-1]}', '--offline')
        shutil.rmtree(self.root.modules)
        os.mkdir(self.root.modules)
        self.root.copy_modules(names)
        self.assertEqual(self.diagnose('--offline'), {})
        self.write('sys/class/block/sr0/dev', '')
        self.finds('media', 'warning', 'not on disk: sr_mod isofs', 'modfetch install sr_mod isofs', '--offline')

    def test_a_driver_that_brought_the_machine_down(self):
        self.write('proc/sys/kernel/random/boot_id', '22222222-0000-0000-0000-000000000000\n')
        self.write('etc/modprobe.d/modfetch-loading.conf',
                   f'#modfetch begun 11111111-0000-0000-0000-000000000000 {"a" * 64} {self.root.kver} updates/bad.ko pci:x\nblacklist bad\n')
        self.finds('modprobe', 'warning', 'bad is blocked', 'modfetch allow bad', '--offline')


class SignedModules(Doctor):
    def boot(self, enforce, secure=b'\6\0\0\0\1'):
        self.write(SECURE_BOOT, secure)
        if enforce:
            self.write('sys/kernel/security/lockdown', 'none [integrity] confidentiality\n')
        self.write('proc/keys', '3b2a1c0f I------     1 perm 1f030000     0     0 asymmetri Debian: key: X509.rsa 0011223344556677 []\n')

    def test_what_the_kernel_enforces_counts(self):
        self.boot(False)
        self.assertEqual(self.diagnose(), {})
        self.assertIn('Secure Boot: on', self.root.run('doctor').stdout)
        self.boot(False, b'\6\0\0\0\0')
        self.assertIn('Secure Boot: off', self.root.run('doctor').stdout)

    def test_keys_that_the_kernel_does_not_know(self):
        self.boot(True)
        self.finds('signed-modules', 'warning', 'no key of a publisher', 'mokutil')
        self.write('etc/modfetch/keys/module.d/module.pem', read(f'{self.keys}/module.crt'))
        self.finds('signed-modules', 'failed', 'knows no key', 'mokutil --import')
        identifier = r.output('openssl', 'x509', '-in', f'{self.keys}/module.crt', '-noout', '-ext', 'subjectKeyIdentifier')
        identifier = identifier.split('\n')[1].strip().replace(':', '').lower()
        self.write('proc/keys', f'3b2a1c0f I------     1 perm 1f030000     0     0 asymmetri mok: {identifier}: X509.rsa x []\n')
        self.assertEqual(self.diagnose(), {})

    def test_a_module_key_that_is_damaged(self):
        self.write('etc/modfetch/keys/module.d/module.pem', 'nonsense')
        self.finds('signed-modules', 'failed', 'module.pem cannot be read', 'remove the file')

    def test_the_own_key_is_not_one_of_a_publisher(self):
        self.make_build_key()
        self.boot(True)
        # a repository's drivers do not depend on it, known or not
        self.assertIn('no key of a publisher', self.diagnose()['signed-modules', 'warning'][0])
        self.know_build_key()
        self.finds('signed-modules', 'warning', 'no key of a publisher', 'mokutil')

    def make_build_key(self):
        """As the first build does."""
        kernel, release = r.kernel()
        subprocess.run([SIGN, self.root.path, release, f'{kernel}/lib/modules/{release}/kernel/drivers/block/loop.ko',
                        self.path('signed.ko')], check=True)

    def know_build_key(self):
        text = r.output('openssl', 'x509', '-inform', 'DER', '-in', self.path('etc/modfetch/keys/build.der'), '-noout', '-ext',
                        'subjectKeyIdentifier')
        identifier = text.split('\n')[1].strip().replace(':', '').lower()
        self.write('proc/keys', f'3b2a1c0f I------     1 perm 1f030000     0     0 asymmetri modfetch: {identifier}: X509.rsa x []\n')

    def status(self):
        """The JSON of status, and the line about the key, if there is one."""
        lines = [line for line in self.root.run('status').stdout.splitlines() if line.startswith('build key')]
        return self.root.json('status')[1]['build_key'], lines[0] if lines else None

    def test_a_machine_that_builds_nothing_has_no_key_and_no_line(self):
        self.boot(False)
        key, line = self.status()
        self.assertEqual((key['state'], key['fingerprint'], key['remedy'], line), ('none', None, None, None))
        self.assertIn('no driver was built on this machine', self.root.run('doctor').stdout)

    def test_what_to_do_before_and_after_the_enrolment(self):
        self.make_build_key()
        self.boot(False)
        key, line = self.status()
        self.assertEqual((key['state'], key['demanded_by'], key['remedy'], line), ('unknown', None, None, None))
        self.assertEqual(self.diagnose(), {})
        self.assertIn('does not demand signed modules', self.root.run('status', '--all').stdout)
        self.boot(True)
        key, line = self.status()
        self.assertEqual((key['state'], key['demanded_by']), ('unknown', 'lockdown'))
        self.assertIn('install the package mokutil; mokutil --import /etc/modfetch/keys/build.der', key['remedy'])
        self.assertIn(key['remedy'], line)
        self.assertEqual(self.diagnose()[('build-key', 'failed')][1], key['remedy'])
        self.write('usr/bin/mokutil', '')
        self.write(MOK_NEW, b'\7\0\0\0' + b'x' * 44 + read(self.path('etc/modfetch/keys/build.der')))
        key, line = self.status()
        self.assertEqual(key['state'], 'waits')
        self.assertIn('"Enroll MOK", "Continue", "Yes"', line)
        self.assertNotIn('--import', line)
        self.know_build_key()
        key, line = self.status()
        self.assertEqual((key['state'], key['remedy'], line), ('known', None, None))
        self.assertEqual(key['fingerprint'], r.output('sha256sum', self.path('etc/modfetch/keys/build.der'))[:64])

    def test_a_key_without_its_certificate(self):
        self.make_build_key()
        self.boot(False)
        os.unlink(self.path('etc/modfetch/keys/build.der'))
        key, line = self.status()
        self.assertEqual((key['state'], key['fingerprint']), ('unusable', None))
        self.assertIn('build.der is missing', key['fault'])
        self.assertIn('build.der is missing', line)
        self.assertIn('build.der is missing', self.diagnose()[('build-key', 'failed')][0])


if __name__ == '__main__':
    unittest.main()
