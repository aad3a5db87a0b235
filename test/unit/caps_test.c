/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, the owner of a directory, and what a refusal is put down to. */
#include "io/caps.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "node/rights.h"
#include "peer/bpfmay.h"
#include "unit.h"

#define USER 12345

static char dir[64];

static void make_dirs(uid_t owner)
{
	char path[128];

	snprintf(dir, sizeof(dir), "/tmp/fp-caps.XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755) || chown(dir, owner, owner))
		exit(1);
	snprintf(path, sizeof(path), "%s/lists", dir);
	if (mkdir(path, 0755) || chown(path, owner, owner))
		exit(1);
}

static void remove_dirs(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/lists", dir);
	rmdir(path);
	rmdir(dir);
}

TEST(names)
{
	char out[80], small[12];

	fp_caps_print(FP_CAP_BPF | FP_CAP_PERFMON, out, sizeof(out));
	STR(out, "CAP_BPF and CAP_PERFMON");
	fp_caps_print(FP_CAPS_FILES, out, sizeof(out));
	STR(out, "");
	fp_caps_print(FP_CAP_BPF | FP_CAP_NET_ADMIN | FP_CAP_PERFMON, small,
		      sizeof(small));
	STR(small, "CAP_BPF and");
}

TEST(numbers_in_files)
{
	char path[] = "/tmp/fp-sysctl.XXXXXX";
	int fd = mkstemp(path);

	OK(write(fd, "2\n", 2) == 2);
	EQ(fp_bpf_sysctl(path), 2);
	OK(pwrite(fd, "x\n", 2, 0) == 2);
	EQ(fp_bpf_sysctl(path), -1);
	close(fd);
	unlink(path);
	EQ(fp_bpf_sysctl(path), -1);
}

TEST(kept_and_used)
{
	struct fp_err e = { 0 };

	if (geteuid())
		exit(UNIT_SKIP);
	OK(!fp_caps_keep(FP_CAP_NET_ADMIN | FP_CAP_DAC_OVERRIDE, &e));
	OK(fp_caps_have() == (FP_CAP_NET_ADMIN | FP_CAP_DAC_OVERRIDE));
	EQ(prctl(PR_CAPBSET_READ, 12), 1);
	EQ(prctl(PR_CAPBSET_READ, 1), 0); /* for no program it might run */
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	OK(!fp_caps_use(0, &e));
	OK(fp_caps_have() == (FP_CAP_NET_ADMIN | FP_CAP_DAC_OVERRIDE));
	OK(!fp_caps_keep(FP_CAP_BPF, &e)); /* has none of it any more */
	OK(!fp_caps_have());
}

TEST(root_goes_on_as_the_owner)
{
	struct fp_rights r = { .state_dir = dir,
			       .pins = "/nonexistent",
			       .use = FP_CAP_NET_ADMIN };
	char secret[128];
	struct fp_err e = { 0 };
	uint64_t was;
	int fd;

	if (geteuid())
		exit(UNIT_SKIP);
	make_dirs(USER);
	snprintf(secret, sizeof(secret), "%s/secret", dir);
	close(open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	OK(!fp_rights_begin(&r, "x", &e));
	EQ(geteuid(), USER);
	EQ(getuid(), USER);
	EQ(getegid(), USER);
	OK(open(secret, O_RDONLY) < 0); /* with the owner's rights alone */
	was = fp_caps_raise(FP_CAP_DAC_READ_SEARCH);
	OK((fd = open(secret, O_RDONLY)) >= 0);
	OK(open(secret, O_WRONLY) < 0);
	close(fd);
	fp_caps_use(was, NULL);
	OK(open(secret, O_RDONLY) < 0);
	OK(fp_caps_have() & FP_CAP_NET_ADMIN);
	OK(!(fp_caps_have() & FP_CAP_SYS_ADMIN));
	OK(!fp_rights_work(&r, &e));
	OK(fp_caps_have() == FP_CAP_NET_ADMIN);
	OK(!fp_rights_rest(&r, &e));
	OK(!(fp_caps_have() & FP_CAPS_FILES));
	unlink(secret);
	remove_dirs();
}

TEST(root_stays_root_at_home)
{
	struct fp_rights r = { .state_dir = dir,
			       .pins = "/nonexistent",
			       .is_change = true };
	struct fp_err e = { 0 };

	if (geteuid())
		exit(UNIT_SKIP);
	make_dirs(0);
	OK(!fp_rights_begin(&r, "x", &e));
	EQ(geteuid(), 0);
	remove_dirs();
}

TEST(what_is_missing)
{
	struct fp_rights r = { .state_dir = dir,
			       .pins = "/nonexistent",
			       .need = FP_CAP_BPF | FP_CAP_NET_ADMIN };
	struct fp_err e = { 0 };

	make_dirs(geteuid());
	OK(!fp_caps_keep(FP_CAP_NET_ADMIN, &e));
	EQ(fp_rights_begin(&r, "attach", &e), -EINVAL);
	OK(strstr(e.text, "attach needs CAP_BPF"));
	fp_err(&e, -EPERM, "x");
	EQ(fp_rights_explain(&r, -EPERM, &e), -EINVAL);
	OK(strstr(e.text, "x: it needs CAP_BPF, which this process"));
	/* of others it makes nothing */
	fp_refuse(&e, "rule", "no");
	EQ(fp_rights_explain(&r, -EPERM, &e), -EPERM);
	STR(e.text, "no");
	fp_err(&e, -ENOENT, "gone");
	EQ(fp_rights_explain(&r, -ENOENT, &e), -ENOENT);
	STR(e.text, "gone");
	remove_dirs();
}

TEST(who_owns_what)
{
	struct fp_rights r = { .state_dir = dir,
			       .pins = "/nonexistent",
			       .is_change = true };
	struct fp_err e = { 0 };

	if (geteuid())
		exit(UNIT_SKIP);
	make_dirs(0);
	OK(!fp_caps_become(USER, USER, &e));
	OK(!fp_caps_keep(0, &e));
	EQ(fp_rights_begin(&r, "x", &e), -EINVAL);
	OK(strstr(e.text, "/lists belongs to user root and has mode 0755: "
			  "user 12345 may not change it"));
	r.is_change = false;
	OK(!fp_rights_begin(&r, "x", &e));
}
