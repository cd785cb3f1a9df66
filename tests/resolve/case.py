# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: case.py [--round-trip] [FILE...]      runs FILEs, or all of tests/cases; --round-trip: in the form of modfetch lookup --case

A resolver case is a text file with packages and modules, a query, and the expected result.

Lines that are not indented open a section; its lines are indented. Comments begin with '#'.

  kernel RELEASE                 the kernel to resolve for
  symvers                        the kernel's own exports: SYMBOL CRC [MODULE]; none: it has no symvers
  builtin                        NAME ALIAS…
  present                        modules on disk that no package owns: NAME [alias=A] [export=SYMBOL:CRC] [link=PATH]
                                 (link: its file is PATH, and this kernel has a link to it, as weak-modules makes it)
  repository ID [priority=N] [built=yes]  packages (built: made by rpmbuild and createrepo_c, not as metadata alone): "package NAME EVR [ARCH]", and below each, further indented, its lines
                                 "provides|requires|recommends|suggests|conflicts|obsoletes|supplements DEPENDENCY", "file PATH"
  installed                      the same, of the rpm database; its files are not on disk
  file PATH                      any other file below the root, its lines indented
  query QUERY                    or "query --device PATH"; several are one call of lookup
  install NAME / remove NAME     instead of a query
  option --thorough              of the call
  expect                         the expected result, in any order:
    QUERY is STATE [MODULE…]     the state, and the modules if there are any
    because TEXT                 the reason of a query, or the error, contains this
    install NAME-EVR from ID [because TEXT]
    remove NAME
    fails CODE                   the run ends with this code
    again nothing                after the plan was executed, the same call has nothing to do
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import quoteattr

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import root as machine  # noqa: E402

KINDS = ('provides', 'requires', 'recommends', 'suggests', 'conflicts', 'obsoletes', 'supplements')
FLAGS = {'=': 'EQ', '<': 'LT', '>': 'GT', '<=': 'LE', '>=': 'GE'}


class Package:
    def __init__(self, name, evr, arch='x86_64'):
        self.name, self.evr, self.arch = name, evr, arch
        self.deps = {kind: [] for kind in KINDS}
        self.files = []

    def stays_beside_others(self):
        return any(d in ('multiversion(kernel)', 'installonlypkg(kernel)', 'installonlypkg(kernel-module)')
                   for d in self.deps['provides'])

    def modules(self):
        return [m[1] for m in (re.match(r'kmod\((.*)\.ko\)', d) for d in self.deps['provides']) if m]


def sections(text):
    """[(words of the opening line, [indented lines])]"""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        if line[0] in ' \t':
            found[-1][1].append(line)
        else:
            found.append((line.split(), []))
    return found


def packages_of(lines):
    found = []
    for line in lines:
        word, _, rest = line.strip().partition(' ')
        if word == 'package':
            found.append(Package(*rest.split()))
        elif word in KINDS:
            found[-1].deps[word].append(rest.strip())
        elif word == 'file':
            found[-1].files.append(rest.strip())
        else:
            raise ValueError(f'not understood: {line}')
    return found


class Case:
    def __init__(self, text):
        self.kernel, self.symvers, self.builtin, self.present = None, None, [], []
        self.repositories, self.installed, self.files = [], [], []
        self.queries, self.install, self.remove, self.expect = [], [], [], []
        self.options = []
        for words, lines in sections(text):
            self.take(words[0], words[1:], [line.strip() for line in lines], lines)

    def take(self, word, rest, stripped, lines):
        if word == 'kernel':
            self.kernel = rest[0]
        elif word in ('symvers', 'builtin', 'present'):
            setattr(self, word, [line.split() for line in stripped])
        elif word == 'repository':
            self.repositories.append((rest[0], dict(r.split('=') for r in rest[1:]), packages_of(lines)))
        elif word == 'installed':
            self.installed = packages_of(lines)
        elif word == 'file':
            self.files.append((rest[0], '\n'.join(stripped) + '\n'))
        elif word == 'query':
            self.queries.append(rest)
        elif word == 'option':
            self.options.extend(rest)
        elif word in ('install', 'remove'):
            getattr(self, word).extend(rest)
        elif word == 'expect':
            self.expect = stripped
        else:
            raise ValueError(f'no such section: {word}')


# ---- a repository, as metadata alone ----

def split_evr(evr):
    epoch, _, rest = evr.rpartition(':')
    version, _, release = rest.partition('-')
    return epoch or '0', version, release


def entry(dep):
    """'ksym(a:b) = 12' as an element; versions as createrepo writes them."""
    m = re.fullmatch(r'(\S+|\(.*\))(?: (<=|>=|=|<|>) (\S+))?', dep)
    if not m:
        raise ValueError(f'no dependency: {dep}')
    out = f'<rpm:entry name={quoteattr(m[1])}'
    if m[2]:
        epoch, version, release = split_evr(m[3])
        out += f' flags="{FLAGS[m[2]]}" epoch="{epoch}" ver="{version}"' + (f' rel="{release}"' if release else '')
    return out + '/>'


def package_xml(package):
    epoch, version, release = split_evr(package.evr)
    name = f'{package.name}-{version}-{release}.{package.arch}'
    deps = {kind: list(package.deps[kind]) for kind in KINDS}
    deps['provides'].append(f'{package.name} = {package.evr}')
    lists = ''.join(f'<rpm:{kind}>' + ''.join(entry(d) for d in deps[kind]) + f'</rpm:{kind}>' for kind in KINDS if deps[kind])
    # createrepo_c lists files of /etc and of directories of programs here, and all in filelists.xml
    files = ''.join(f'<file>{path}</file>' for path in package.files)
    return (f'<package type="rpm"><name>{package.name}</name><arch>{package.arch}</arch>'
            f'<version epoch="{epoch}" ver="{version}" rel="{release}"/>'
            f'<checksum type="sha256" pkgid="YES">{hashlib.sha256(name.encode()).hexdigest()}</checksum>'
            f'<summary>{package.name}</summary><description/><packager/><url/><time file="1" build="1"/>'
            f'<size package="1000" installed="2000" archive="2000"/><location href="{name}.rpm"/>'
            f'<format><rpm:license/><rpm:vendor/><rpm:group/><rpm:buildhost/><rpm:sourcerpm/>{lists}{files}</format></package>\n')


def write_repository(directory, packages):
    os.makedirs(f'{directory}/repodata')
    with open(f'{directory}/repodata/primary.xml', 'w', encoding='utf-8') as f:
        f.write('<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
                f'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{len(packages)}">\n')
        for package in packages:
            f.write(package_xml(package))
        f.write('</metadata>\n')
    with open(f'{directory}/repodata/primary.xml', 'rb') as f:
        body = f.read()
    with open(f'{directory}/repodata/repomd.xml', 'w', encoding='utf-8') as f:
        f.write('<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">'
                f'<revision>1</revision><data type="primary"><checksum type="sha256">{hashlib.sha256(body).hexdigest()}'
                f'</checksum><location href="repodata/primary.xml"/><size>{len(body)}</size></data></repomd>\n')


# ---- installed packages and modules on disk, as real ones ----

def install_lines(package):
    """The part of a spec that makes the files of a package."""
    lines = [line for path in package.files
             for line in (f'mkdir -p "%{{buildroot}}{os.path.dirname(path)}"', f'echo x >"%{{buildroot}}{path}"')]
    return ['%install', *lines] if lines else []


def rpmbuild(packages, directory):
    top = tempfile.mkdtemp(prefix='case-rpm-')
    try:
        for package in packages:
            epoch, version, release = split_evr(package.evr)
            spec = [f'Name: {package.name}', f'Version: {version}', f'Release: {release}', f'Epoch: {epoch}',
                    'Summary: x', 'License: x', 'AutoReqProv: no']
            for kind in KINDS:
                spec += [f'{kind.capitalize()}: {d}' for d in package.deps[kind]]
            path = f'{top}/{package.name}.spec'
            with open(path, 'w', encoding='utf-8') as f:
                f.write('\n'.join([*spec, '%description', 'x', *install_lines(package), '%files', *package.files, '']))
            subprocess.run(['rpmbuild', '-bb', '--quiet', '--target', package.arch, '--define', f'_topdir {top}',
                            '--define', f'_rpmdir {directory}', path], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
    except subprocess.CalledProcessError as e:
        raise RuntimeError(e.stderr.decode()) from e
    finally:
        shutil.rmtree(top)


def build_repository(directory, packages):
    os.makedirs(directory)
    rpmbuild(packages, directory)
    subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', directory], check=True)


def install_packages(root, packages, how='-i'):
    """Puts packages only into the rpm database, with all their relations. HOW: -U replaces other versions."""
    if not packages:
        return
    directory = tempfile.mkdtemp(prefix='case-rpms-')
    try:
        rpmbuild(packages, directory)
        rpms = [os.path.join(d, n) for d, _, names in os.walk(directory) for n in names]
        subprocess.run(['rpm', '--root', root, '--dbpath', '/var/lib/rpm', how, '--justdb', '--force', '--nodeps', '--ignorearch',
                        *rpms], check=True, stderr=subprocess.PIPE)
    except subprocess.CalledProcessError as e:
        raise RuntimeError(e.stderr.decode()) from e
    finally:
        shutil.rmtree(directory)


def write_module(path, name, words, kernel):
    """A relocatable object with the sections of a module that depmod and modinfo read."""
    info = [f'name={name}', f'vermagic={kernel} SMP mod_unload '] + [w.replace('alias=', 'alias=', 1) for w in words if w.startswith('alias=')]
    text = ''.join(f'static const char i{i}[] __attribute__((section(".modinfo"), used)) = "{s}";\n'
                   for i, s in enumerate(info))
    for symbol, crc in (w[len('export='):].split(':') for w in words if w.startswith('export=')):
        text += (f'int {symbol}; __attribute__((section("__ksymtab"), used)) int *__ksymtab_{symbol} = &{symbol};\n'
                 f'__asm__(".globl __crc_{symbol}\\n.set __crc_{symbol}, 0x{crc}\\n");\n')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run(['gcc', '-c', '-x', 'c', '-', '-o', path], input=text.encode(), check=True)


def write_tree(root, case):
    tree = f'{root}/lib/modules/{case.kernel}'
    os.makedirs(tree, exist_ok=True)
    for name, *words in case.present:
        there = [w.partition('=')[2] for w in words if w.startswith('link=')]
        write_module(f'{root}{there[0]}' if there else f'{tree}/kernel/{name}.ko', name, words, case.kernel)
        if there:
            os.makedirs(f'{tree}/weak-updates', exist_ok=True)
            os.symlink(os.path.relpath(f'{root}{there[0]}', f'{tree}/weak-updates'), f'{tree}/weak-updates/{name}.ko')
    with open(f'{tree}/modules.builtin', 'w', encoding='utf-8') as f:
        f.writelines(f'kernel/{name}.ko\n' for name, *_ in case.builtin)
    with open(f'{tree}/modules.builtin.modinfo', 'wb') as f:
        for name, *aliases in case.builtin:
            f.write(b''.join(f'{name}.alias={a}'.encode() + b'\0' for a in aliases))
    open(f'{tree}/modules.order', 'w', encoding='utf-8').close()
    if case.symvers is not None:
        with open(f'{tree}/symvers', 'w', encoding='utf-8') as f:
            for symbol, crc, *module in case.symvers:
                f.write(f'0x{int(crc, 16):08x}\t{symbol}\t{module[0] if module else "vmlinux"}\tEXPORT_SYMBOL\t\n')
    subprocess.run(['depmod', '-b', root, case.kernel], check=True)


class Machine:
    """The machine of a case, in a directory."""

    def __init__(self, case):
        self.case = case
        self.path = tempfile.mkdtemp(prefix='case-')
        os.makedirs(f'{self.path}/etc/modfetch/repos.d')
        for directory in ('proc', 'sys/devices', 'var/lib/rpm'):
            os.makedirs(f'{self.path}/{directory}')
        write_tree(self.path, case)
        for name, settings, packages in case.repositories:
            if settings.pop('built', None):
                build_repository(f'{self.path}/repositories/{name}', packages)
            else:
                write_repository(f'{self.path}/repositories/{name}', packages)
            with open(f'{self.path}/etc/modfetch/repos.d/{name}.repo', 'w', encoding='utf-8') as f:
                f.write(f'[{name}]\nbaseurl=file:{self.path}/repositories/{name}\ntrust=none\n')
                f.writelines(f'{key}={value}\n' for key, value in settings.items())
        for name, text in case.files:
            # never os.path.join(): a path from "/" would be the machine's own
            path = f'{self.path}/{name}'
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
        if case.installed:
            install_packages(self.path, case.installed)
        done = self.run('refresh')
        if done.returncode not in (0, 2):
            raise RuntimeError(done.stderr)

    def close(self):
        shutil.rmtree(self.path)

    def cache_installed(self):
        """From now on plans are made with the caches of the rpm database, not with the database itself."""
        done = self.run('refresh', later=True)
        kept = f'{self.path}/var/cache/modfetch/.installed'
        if done.returncode not in (0, 2) or not any(name.endswith('.plan') for name in os.listdir(kept)):
            raise RuntimeError(f'the rpm database is not cached: {done.stderr}')

    def run(self, *args, later=False):
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(machine.LIBEXECDIR)}
        if later:
            env |= machine.clock_at(time.time() + 5)
        return subprocess.run([os.path.abspath(machine.MODFETCH), '--root', self.path, '--kernel', self.case.kernel,
                               *self.case.options, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, check=False, timeout=60)

    def ask(self):
        case = self.case
        if case.install:
            done = self.run('--json', '--dry-run', 'install', *case.install)
        elif case.remove:
            done = self.run('--json', '--dry-run', 'remove', *case.remove)
        else:
            done = self.run('--json', 'lookup', *(word for query in case.queries for word in query))
        return done, json.loads(done.stdout) if done.stdout else {'results': [], 'install': [], 'remove': []}

    def carry_out(self, plan):
        """Puts the packages into the database, their modules into the tree."""
        by_name = {(p.name, p.evr.split(':')[-1]): p for _, _, packages in self.case.repositories for p in packages}
        chosen = [by_name[item['name'], item['evr'].split(':')[-1]] for item in plan['install']]
        install_packages(self.path, [p for p in chosen if not p.stays_beside_others()], '-U')
        install_packages(self.path, [p for p in chosen if p.stays_beside_others()])
        for package in chosen:
            for module in package.modules():
                name = module.replace('-', '_')
                write_module(f'{self.path}/lib/modules/{self.case.kernel}/kernel/{name}.ko', name,
                             [f'alias={q[-1]}' for q in self.case.queries if not q[-1].startswith('symbol:')], self.case.kernel)
        subprocess.run(['depmod', '-b', self.path, self.case.kernel], check=True)


# ---- judging ----

def judge(case):
    """Runs a case. Returns the differences, one on each line."""
    there = Machine(case)
    try:
        done, answer = there.ask()
        wrong = compare(case, done, answer)
        if not wrong and case.installed:
            there.cache_installed()
            _, cached = there.ask()
            if essence(cached) != essence(answer):
                wrong.append(f'with cached packages: {essence(cached)}, not {essence(answer)}')
        if not wrong and 'again nothing' in case.expect:
            there.carry_out(answer)
            _, again = there.ask()
            wrong += [f'again: install {i["name"]}-{i["evr"]}' for i in again['install']]
        return wrong
    finally:
        there.close()


def essence(answer):
    """A plan without sizes, which a case does not have. Suggestions of a thorough run count as recommended."""
    def why(item):
        return item['why'].replace('suggested by', 'recommended by')

    return (sorted((r['query'], r['state'], tuple(sorted(r['modules']))) for r in answer['results']),
            sorted((i['name'], i['evr'], i['repo'], why(i)) for i in answer['install']), sorted(answer.get('remove', [])))


def round_trip(case):
    """The case that the command itself writes must pass, with the same plan for the same reasons."""
    if case.install or case.remove:
        return []
    there = Machine(case)
    try:
        done, answer = there.ask()
        dumped = there.run('lookup', '--case', *(word for query in case.queries for word in query))
    finally:
        there.close()
    if dumped.returncode:
        return [f'no case is written: {dumped.stderr}']
    again = Case(dumped.stdout)
    there = Machine(again)
    try:
        done_again, answer_again = there.ask()
    finally:
        there.close()
    wrong = compare(again, done_again, answer_again)
    if essence(answer) != essence(answer_again) or done.returncode != done_again.returncode:
        wrong.append(f'another plan: {essence(answer_again)}, not {essence(answer)}')
    return [*wrong, dumped.stdout] if wrong else []


def compare(case, done, answer):
    wrong, installs, removes = [], {}, set()
    results = {r['query']: r for r in answer['results']}
    texts = [r['reason'] or '' for r in answer['results']] + [done.stderr]
    for line in case.expect:
        words = line.split()
        if len(words) > 2 and words[1] == 'is' and words[0] != 'because':
            got = results.get(words[0], {'state': 'not answered', 'modules': []})
            if got['state'] != words[2] or (words[3:] and sorted(words[3:]) != sorted(got['modules'])):
                wrong.append(f'{words[0]} is {got["state"]} {" ".join(got["modules"])} ({got.get("reason")})')
        elif words[0] == 'because':
            text = line.partition(' ')[2]
            if not any(text in t for t in texts):
                wrong.append(f'nothing says "{text}", but: {" / ".join(texts)}')
        elif words[0] == 'install':
            installs[words[1], words[3]] = line.partition(' because ')[2]
        elif words[0] == 'remove':
            removes.add(words[1])
        elif words[0] == 'fails':
            if f'[{words[1]}]' not in done.stderr:
                wrong.append(f'does not fail with {words[1]}: {done.returncode} {done.stderr}')
        elif line != 'again nothing':
            wrong.append(f'not understood: {line}')
    if done.returncode and not any(line.startswith('fails') for line in case.expect) and not results:
        wrong.append(f'fails: {done.stderr}')
    got = {(f'{i["name"]}-{i["evr"]}', i['repo']): i['why'] for i in answer['install']}
    wrong += [f'not in the plan: {name} from {repo}' for name, repo in set(installs) - set(got)]
    wrong += [f'in the plan: install {name} from {repo}, {got[name, repo]}' for name, repo in set(got) - set(installs)]
    wrong += [f'{key[0]} comes because "{got[key]}"' for key, text in installs.items() if key in got and text not in got[key]]
    wrong += [f'removes {name}' for name in set(answer.get('remove', [])) ^ removes]
    return wrong


def main():
    failed, judged_by, paths = 0, judge, sys.argv[1:]
    if paths[:1] == ['--round-trip']:
        judged_by, paths = round_trip, paths[1:]
    paths = paths or sorted(os.path.join(HERE, '..', 'cases', n) for n in os.listdir(f'{HERE}/../cases'))
    for path in paths:
        with open(path, encoding='utf-8') as f:
            text = f.read()
        try:
            wrong = judged_by(Case(text))
        except (ValueError, RuntimeError, subprocess.SubprocessError) as e:
            wrong = [f'{type(e).__name__}: {e}']
        failed += bool(wrong)
        print(f'{"FAIL" if wrong else "ok  "} {os.path.basename(path)}')
        for line in wrong:
            print(f'       {line}')
    print(f'{len(paths)} cases, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
