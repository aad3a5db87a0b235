/* SPDX-License-Identifier: Apache-2.0 */
/* Root in a directory of another user: files are his, and his links lead nowhere.
 * Without root nothing changes hands, and the same holds. */
#include "io/owned.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/whole.h"
#include "unit.h"

#define USER 12345

static char top[] = "/tmp/fp-owned.XXXXXX";
static uid_t owner;
static int state = -1;

static void down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", top);
	if (system(command))
		perror(top);
}

static void up(void)
{
	if (state >= 0)
		return;
	OK(mkdtemp(top) != NULL);
	atexit(down);
	OK(!chmod(top, 0755));
	state = fp_owned_state_dir(top, "state", 0755, true, NULL);
	OK(state >= 0);
	owner = geteuid() ? geteuid() : USER;
	OK(!fchown(state, owner, (gid_t)-1));
}

static uid_t owner_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ? (uid_t)-1
							    : st.st_uid;
}

TEST(what_is_made_is_the_owners)
{
	int dir, fd;

	up();
	dir = fp_owned_dir(state, "health", 0755, true, NULL);
	OK(dir >= 0);
	EQ(owner_of(state, "health"), owner);
	fd = fp_owned_file(dir, "a", O_WRONLY | O_CREAT, 0600);
	OK(fd >= 0);
	EQ(owner_of(dir, "a"), owner);
	EQ(fp_whole_write_at(dir, "b", "x", 1, 0644), 0);
	EQ(owner_of(dir, "b"), owner);
	EQ((uid_t)setfsuid((uid_t)-1), geteuid()); /* and then we are back */
	close(fd);
	close(dir);
	EQ(fp_owned_dir(state, "none", 0755, false, NULL), -ENOENT);
}

TEST(links_are_not_followed)
{
	struct fp_err e = { .text = "" };
	int dir;

	up();
	EQ(symlinkat("/", state, "away"), 0);
	EQ(fp_owned_dir(state, "away", 0755, true, &e), -ENOTDIR);
	STR(e.text, "away is a link, and is not followed");
	EQ(symlinkat("away/etc", state, "file"), 0);
	EQ(fp_owned_file(state, "file", O_RDONLY, 0), -ELOOP);
	EQ(symlinkat("/nothing", state, "c.tmp"), 0);
	EQ(fp_whole_write_at(state, "c", "x", 1, 0644), -ELOOP);
	/* but the operator's own, to where the state is */
	dir = fp_owned_state_dir(top, "state", 0755, false, NULL);
	OK(dir >= 0);
	close(dir);
}

TEST(his_rights_alone)
{
	struct fp_owned as;
	int fd;

	up();
	if (geteuid())
		return; /* nothing that only root may read */
	fd = openat(state, "roots", O_WRONLY | O_CREAT, 0600);
	close(fd);
	EQ(fp_owned_file(state, "roots", O_RDONLY, 0), -EACCES);
	EQ(fp_owned_begin(&as, state, NULL), 0);
	EQ(openat(state, "roots", O_RDONLY), -1);
	fp_owned_end(&as);
	fd = openat(state, "roots", O_RDONLY);
	OK(fd >= 0);
	close(fd);
}
