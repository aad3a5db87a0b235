/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rights.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/bpfmay.h"
#include "peer/pins.h"

/* ---- taking and giving up */

/* The user whose directory the state is: root's, or he who has it or its lists,
 * since what he keeps there root must not follow. */
static uid_t fp_owner(const struct fp_rights *r, gid_t *gid)
{
	char lists[PATH_MAX];
	const char *const dirs[] = { r->state_dir, lists };
	struct stat st;

	snprintf(lists, sizeof(lists), "%s/lists", r->state_dir);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		if (stat(dirs[i], &st) || !st.st_uid)
			continue;
		*gid = st.st_gid;
		return st.st_uid;
	}
	return 0;
}

static void fp_user_name(uid_t uid, char *out, size_t size)
{
	struct passwd pw, *found = NULL;
	char buf[2048];

	if (!getpwuid_r(uid, &pw, buf, sizeof(buf), &found) && found)
		snprintf(out, size, "%s", found->pw_name);
	else
		snprintf(out, size, "%u", (unsigned int)uid);
}

/* A bpffs that was mounted without a mode is anybody's to make directories in
 * (1777): who came before us must not own the tables. */
static int fp_check_pins(const struct fp_rights *r, uid_t owner,
			 struct fp_err *e)
{
	char name[64];
	struct stat st;
	bool is_theirs = !lstat(r->pins, &st) && st.st_uid &&
			 st.st_uid != owner; /* of a link, too */

	if (!is_theirs)
		is_theirs =
			!stat(r->pins, &st) && st.st_uid && st.st_uid != owner;
	if (!is_theirs)
		return 0;
	fp_user_name(st.st_uid, name, sizeof(name));
	return fp_err(
		e, -EINVAL,
		"%s belongs to user %s, who has neither %s nor its lists: whose are the tables? (rm -r it, and see who may write above it)",
		r->pins, name, r->state_dir);
}

static int fp_become_owner(const struct fp_rights *r, struct fp_err *e)
{
	gid_t gid = 0;
	uid_t uid = geteuid() ? 0 : fp_owner(r, &gid);

	if (!geteuid() && fp_check_pins(r, uid, e))
		return -EINVAL;
	if (!uid)
		return 0;
	if (r->is_itself ? fp_caps_files_as(uid, gid, e)
			 : fp_caps_become(uid, gid, e))
		return fp_err_prefix(
			e, -EINVAL,
			"%s is not root's, and root without CAP_SETUID and CAP_SETGID would lock its owner out",
			r->state_dir);
	return 0;
}

/* For good.  Who works in directories of another user than root opens what is
 * there with that user's rights: a link of his leads nowhere else. */
static int fp_keep(uint64_t keep, struct fp_err *e)
{
	bool is_root = !geteuid(), is_home = is_root && !setfsuid((uid_t)-1);
	int rc;

	if (!is_root)
		keep &= ~FP_CAPS_FILES | FP_CAP_DAC_READ_SEARCH;
	rc = fp_caps_keep(keep, e);
	return rc || is_home ? rc : fp_caps_use(~FP_CAPS_FILES, e);
}

/* As one is, without capabilities; what is not there needs none. */
static bool fp_reaches(const char *path, int mode)
{
	return !faccessat(AT_FDCWD, path, mode, AT_EACCESS) ||
	       (errno != EACCES && errno != EPERM);
}

/* What opens files: of root, while the directories want it of him; of others,
 * while the operator's file does.  Nothing is in effect afterwards. */
static int fp_files_kept(const struct fp_rights *r, uint64_t *keep,
			 struct fp_err *e)
{
	char lists[PATH_MAX], pin[PATH_MAX + 8];
	size_t n;
	int rc = fp_caps_use(0, e);

	*keep = 0;
	if (rc)
		return rc;
	if (r->file && !fp_reaches(r->file, R_OK))
		*keep = FP_CAP_DAC_READ_SEARCH;
	if (geteuid())
		return 0;
	snprintf(lists, sizeof(lists), "%s/lists", r->state_dir);
	n = fp_maps_dir(r->pins, pin, PATH_MAX);
	if (n < PATH_MAX)
		snprintf(pin + n, sizeof(pin) - n, "/conf");
	if (!fp_reaches(lists, R_OK | X_OK) || !fp_reaches(pin, R_OK))
		*keep = FP_CAPS_FILES;
	return 0;
}

/* CAP_SYS_ADMIN stands for them all (capable(), include/linux/capability.h:
 * perfmon_capable, bpf_capable). */
static uint64_t fp_stand_in(const struct fp_rights *r)
{
	return r->need & ~fp_caps_have() ? FP_CAP_SYS_ADMIN : 0;
}

int fp_rights_work(const struct fp_rights *r, struct fp_err *e)
{
	uint64_t keep;
	int rc = fp_files_kept(r, &keep, e);

	return rc ? rc : fp_keep(keep | r->need | r->use | fp_stand_in(r), e);
}

int fp_rights_rest(const struct fp_rights *r, struct fp_err *e)
{
	uint64_t keep;
	int rc = fp_files_kept(r, &keep, e);

	if (rc)
		return rc;
	if (fp_bpf_is_refused())
		keep |= FP_CAP_BPF | FP_CAP_SYS_ADMIN;
	return fp_keep(keep, e);
}

int fp_rights_home(const struct fp_rights *r, struct fp_err *e)
{
	return r->is_itself && !geteuid() ? fp_caps_files_as(0, 0, e) : 0;
}

/* ---- explaining */

static bool fp_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* Who has it, and that it is not us; what root left in our state has a remedy. */
static int fp_say_owner(const struct fp_rights *r, const char *path,
			const char *what, struct fp_err *e)
{
	char owner[64], me[64];
	struct stat st, state;

	if (stat(path, &st))
		return 0;
	fp_user_name(st.st_uid, owner, sizeof(owner));
	fp_user_name(geteuid(), me, sizeof(me));
	fp_err(e, -EINVAL,
	       "%s belongs to user %s and has mode %04o: user %s may not %s",
	       path, owner, st.st_mode & 07777, me, what);
	if (!st.st_uid && geteuid() && !stat(r->state_dir, &state) &&
	    state.st_uid == geteuid() &&
	    (fp_is_below(path, r->state_dir) || fp_is_below(path, r->pins))) {
		size_t n = strlen(e->text);

		snprintf(e->text + n, sizeof(e->text) - n,
			 "; root hands it over with: chown -R %s %s %s", me,
			 r->state_dir, r->pins);
	}
	return -EINVAL;
}

/* The first directory on the way to path that lets us not pass, or path itself
 * when it cannot be used; of a path that ends early, its last part that is
 * there. */
static int fp_say_path(const struct fp_rights *r, const char *path, int mode,
		       struct fp_err *e)
{
	char part[PATH_MAX + 256], last[PATH_MAX + 256] = "/";

	for (const char *p = path; *p; p += strspn(p, "/")) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (faccessat(AT_FDCWD, part, F_OK, AT_EACCESS)) {
			if (errno == EACCES)
				return fp_say_owner(r, last, "pass through it",
						    e);
			if (errno != ENOENT || !(mode & W_OK) ||
			    !faccessat(AT_FDCWD, last, W_OK | X_OK,
				       AT_EACCESS) ||
			    errno != EACCES)
				return 0;
			return fp_say_owner(r, last, "make anything there", e);
		}
		snprintf(last, sizeof(last), "%s", part);
	}
	if (!faccessat(AT_FDCWD, last, mode, AT_EACCESS) || errno != EACCES)
		return 0;
	return fp_say_owner(r, last, mode & W_OK ? "change it" : "read it", e);
}

static int fp_say_lists(const struct fp_rights *r, struct fp_err *e)
{
	const int mode = R_OK | (r->is_change ? W_OK : 0);
	char path[PATH_MAX + 256];
	struct dirent *f;
	size_t n;
	DIR *dir;
	int rc;

	n = (size_t)snprintf(path, PATH_MAX, "%s/lists", r->state_dir);
	rc = fp_say_path(r, path, mode, e);
	dir = rc || n >= PATH_MAX ? NULL : opendir(path);
	while (dir && !rc && (f = readdir(dir))) {
		snprintf(path + n, sizeof(path) - n, "/%s", f->d_name);
		if (f->d_name[0] != '.' && f->d_type != DT_LNK)
			rc = fp_say_path(r, path, mode, e);
	}
	if (dir)
		closedir(dir);
	return rc;
}

static int fp_say_files(const struct fp_rights *r, struct fp_err *e)
{
	const int mode = R_OK | (r->is_change ? W_OK : 0);
	char path[PATH_MAX + 8];
	size_t n;
	int rc;

	rc = fp_say_lists(r, e);
	if (!rc)
		rc = fp_say_path(r, r->pins, mode, e);
	n = fp_maps_dir(r->pins, path, PATH_MAX);
	if (!rc)
		rc = fp_say_path(r, path, mode, e);
	if (n < PATH_MAX)
		snprintf(path + n, sizeof(path) - n, "/conf");
	/* a map's memory is shared to write, whatever for */
	return rc ? rc : fp_say_path(r, path, R_OK | W_OK, e);
}

/* bpf() said no. */
static int fp_say_bpf(struct fp_err *e)
{
	const uint64_t any = FP_CAP_BPF | FP_CAP_SYS_ADMIN;
	struct fp_err was = *e;

	if (!(fp_caps_have() & any))
		return fp_err(
			e, -EINVAL,
			"%s: it needs CAP_BPF, which this process does not have; kernel.unprivileged_bpf_disabled is %d",
			was.text, fp_bpf_disabled());
	return fp_err(
		e, -EINVAL,
		"%s: the kernel refuses bpf() in spite of CAP_BPF (lockdown, a seccomp filter, a container's user namespace?)",
		was.text);
}

int fp_rights_explain(const struct fp_rights *r, int code, struct fp_err *e)
{
	int rc = 0;

	if (e->rule[0] || (code != -EPERM && code != -EACCES))
		return code;
	if (code == -EACCES)
		rc = fp_say_files(r, e);
	else
		rc = fp_say_bpf(e);
	return rc ? rc : code;
}

/* ---- */

int fp_rights_begin(const struct fp_rights *r, const char *what,
		    struct fp_err *e)
{
	uint64_t have = fp_caps_have(), missing = r->need & ~have, again = 0;
	char names[80];
	int rc;

	if (missing && !(have & FP_CAP_SYS_ADMIN)) {
		fp_caps_print(missing, names, sizeof(names));
		return fp_err(
			e, -EINVAL,
			"%s needs %s, which this process does not have (root does; setcap or AmbientCapabilities= gives them)",
			what, names);
	}
	if (r->is_itself) /* it may begin again, when tables are made anew */
		again = FP_CAP_SETUID | FP_CAP_SETGID;
	rc = fp_become_owner(r, e);
	if (!rc)
		rc = fp_keep(r->need | r->use | FP_CAPS_FILES | fp_stand_in(r) |
				     again,
			     e);
	/* before anything is changed: the second step must not be what fails */
	return rc || !r->is_change ? rc : fp_say_lists(r, e);
}
