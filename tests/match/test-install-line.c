/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which commands of install lines load their module, and which forbid it. */
#include <stdlib.h>
#include <string.h>
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "src/match/install-line.h"

static void commands_that_do_not_load_refuse_the_module(void **state)
{
	static const char *const no[] = {
		"",
		"/bin/false",
		"/usr/bin/false",
		"false",
		"/bin/true",
		"/usr/bin/true",
		"true",
		":",
		"/bin/false # modprobe --ignore-install e1000e",
		"/bin/true; # modprobe e1000e",
		"/bin/false;",
		"/bin/false\r",
		"\"/bin/false\"",
		"'/bin/false' e1000e",
		"exit 1",
		"exit",
		"return 1",
		"/dev/null",
		"cat /dev/null",
		"sh -c false",
		"sh -c 'exit 1'",
		"/bin/sh -c \"exit 1\"",
		"/bin/sh -ec 'exit 1'",
		"/bin/bash -c 'sh -c \"exit 1\"'",
		"env false",
		"exec /bin/false",
		"command false",
		"busybox false",
		"echo \"e1000e is blocked\"; exit 1",
		"logger -t kmod no e1000e",
		"echo modprobe e1000e",
		"echo 'modprobe e1000e'",
		"/usr/local/sbin/load-e1000e",
		"sh /usr/local/sbin/load-e1000e",
		"/nonexistent",
		"[ 1 = 0 ]",
		"test -e /never",
		"! true",
		/* never reached */
		"false && modprobe --ignore-install e1000e",
		"true || modprobe --ignore-install e1000e",
		"exit 1; modprobe --ignore-install e1000e",
		"exit 1 && modprobe --ignore-install e1000e",
		"false && true && modprobe -i e1000e",
		"true || false || modprobe -i e1000e",
		"true && exit 1; modprobe -i e1000e",
		"test -e /x && false && modprobe -i e1000e",
		"test -e /x || true || modprobe -i e1000e",
		"test -e /x && exit 1 && modprobe -i e1000e",
		"test -e /x || exit 1 || modprobe -i e1000e",
		/* nothing is loaded, or another one */
		"modprobe --ignore-install igb",
		"modprobe -r e1000e",
		"modprobe -qr e1000e",
		"modprobe --remove e1000e",
		"modprobe -n e1000e",
		"modprobe --dry-run e1000e",
		"modprobe --show-depends e1000e",
		"modprobe -D e1000e",
		"modprobe -R e1000e",
		"modprobe -i igb e1000e",
		"modprobe -C e1000e",
		"modprobe",
		"insmod /lib/modules/igb.ko e1000e",
		"insmod",
		"rmmod e1000e",
		"modprobe e1000",
		"modprobe e1000e_x",
		"\\",
		"'",
		"sh -c",
		"sh -c 'sh -c \"sh -c \\\"sh -c modprobe\\ e1000e\\\"\"'",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(no); i++)
		if (mf_install_line_loads(no[i], "e1000e"))
			fail_msg("taken for a load: %s", no[i]);
}

static void commands_that_load_the_module_allow_it(void **state)
{
	static const char *const yes[] = {
		"modprobe --ignore-install e1000e",
		"/sbin/modprobe --ignore-install e1000e $CMDLINE_OPTS",
		"/sbin/modprobe -i e1000e",
		"/usr/sbin/modprobe -qi e1000e InterruptThrottleRate=1",
		"/sbin/modprobe --ignore-install e1000e && /usr/local/sbin/after",
		"/sbin/modprobe --ignore-install igb; /sbin/modprobe --ignore-install e1000e",
		"/sbin/modprobe igb && modprobe -i e1000e || true",
		"{ modprobe -i e1000e; }",
		"( modprobe -i e1000e )",
		"modprobe -a -i igb e1000e",
		"modprobe -ai igb e1000e",
		"modprobe --all igb e1000e",
		"modprobe -C /etc/other -i e1000e",
		"modprobe -i -- e1000e",
		"modprobe -i $MODPROBE_MODULE",
		"modprobe -i \"${MODPROBE_MODULE}\" $CMDLINE_OPTS",
		"insmod /opt/e1000e.ko",
		"/sbin/insmod /lib/modules/x/e1000e.ko.xz debug=1",
		"sh -c 'modprobe -i e1000e'",
		"/bin/sh -c \"sleep 1; modprobe -i e1000e\"",
		"exec modprobe -i e1000e",
		"env -u X modprobe -i e1000e || modprobe -i e1000e",
		"LANG=C modprobe -i e1000e",
		"kmod modprobe -i e1000e",
		"busybox modprobe e1000e",
		"if test -e /x; then modprobe -i e1000e; fi",
		"test -e /never && modprobe -i e1000e",
		"test -e /never || exit 1; modprobe -i e1000e",
		"test -e /x && exit 0 || modprobe -i e1000e",
		"test -e /x || exit 0 && modprobe -i e1000e",
		"test -e /x && false || modprobe -i e1000e",
		"false; modprobe -i e1000e",
		"false || modprobe -i e1000e",
		"true && modprobe -i e1000e",
		"true | modprobe -i e1000e",
		"! false && modprobe -i e1000e",
		"'modprobe' \"-i\" 'e1000e'",
		"echo no # and yet\nmodprobe -i e1000e",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(yes); i++)
		if (!mf_install_line_loads(yes[i], "e1000e"))
			fail_msg("taken for a refusal: %s", yes[i]);
	assert_true(mf_install_line_loads("modprobe -i snd-hda-intel", "snd_hda_intel"));
	assert_true(mf_install_line_loads("modprobe -i snd_hda_intel", "snd_hda_intel"));
}

static void a_command_too_long_to_parse_does_not_load(void **state)
{
	_cleanup_free_ char *text = calloc(1, 200000);

	memset(text, ' ', 5000);
	strcat(text, "modprobe -i e1000e");
	assert_false(mf_install_line_loads(text, "e1000e"));
	*text = '\0';
	for (size_t i = 0; i < 100; i++)
		strcat(text, "x ");
	strcat(text, "; modprobe -i e1000e");
	assert_false(mf_install_line_loads(text, "e1000e"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_that_do_not_load_refuse_the_module),
		cmocka_unit_test(commands_that_load_the_module_allow_it),
		cmocka_unit_test(a_command_too_long_to_parse_does_not_load),
	};

	return UNIT_RUN(tests);
}
