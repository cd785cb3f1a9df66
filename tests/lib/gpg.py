# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenPGP keys and signatures for tests, made by gpg in a home directory of its own."""
import os
import subprocess


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def flip(armored):
    """Changes a letter near the end, in the numbers of the signature: earlier parts are not always signed."""
    at = armored.rindex(b'\n=') - 10
    return armored[:at] + (b'A' if armored[at : at + 1] != b'A' else b'B') + armored[at + 1 :]


class Gpg:
    """A separate gpg home with keys of every kind; times are faked, so that keys can be old."""

    def __init__(self, directory, name='gnupg'):
        self.home = os.path.join(directory, name)
        os.mkdir(self.home, 0o700)
        write(f'{self.home}/gpg.conf', 'batch\npinentry-mode loopback\npassphrase ""\nallow-weak-digest-algos\n'
                                       'allow-weak-key-signatures\nno-tty\nquiet\ntrust-model always\n')

    def run(self, *args, at=None, **options):
        fake = ['--faked-system-time', f'{at}!'] if at else []
        return subprocess.run(['gpg', '--homedir', self.home, *fake, *args], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options).stdout

    def key(self, name, algorithm='ed25519', expires='0', at=None):
        self.run('--quick-gen-key', f'{name} <{name}@example.org>', algorithm, 'sign', expires, at=at)

    def fingerprint(self, name):
        for line in self.run('--with-colons', '--list-keys', f'{name}@example.org').decode().splitlines():
            if line.startswith('fpr:'):
                return line.split(':')[9]
        raise KeyError(name)

    def revoke(self, name):
        fingerprint = self.fingerprint(name)
        text = read(f'{self.home}/openpgp-revocs.d/{fingerprint}.rev').replace(b'\n:-----BEGIN', b'\n-----BEGIN')
        self.run('--import', input=text)

    def sign(self, name, path, *options, at=None):
        out = path + '.asc'
        if os.path.exists(out):
            os.unlink(out)
        self.run('--armor', '--local-user', f'{name}@example.org', *options, '--output', out, '--detach-sign', path, at=at)
        os.utime(path)  # for the mirror it is another file with another etag

    def close(self):
        subprocess.run(['gpgconf', '--homedir', self.home, '--kill', 'all'], check=False)
