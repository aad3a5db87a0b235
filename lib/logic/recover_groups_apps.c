/* SPDX-License-Identifier: Apache-2.0 */
/* Which applications a one-leg call may run again: all of its extension, from the
 * first.  In are those that only wait, sound or write to their own channel; out is
 * what dials, asks or tells somebody else, counts, records (the file is begun anew),
 * or depends on other calls of the node, as valet_park does: a slot that is taken on
 * the target connects two strangers (mod_valet_parking.c valet_parking_function).
 * Sources: FreeSWITCH 1.10.12 mod_dptools.c, mod_conference.c. */
#include <string.h>
#include <strings.h>

#include "logic/recover_groups_priv.h"

static const char *const safe[] = {
	"answer",
	"pre_answer",
	"ring_ready",
	"acknowledge_call",
	/* write variables of their own channel */
	"set",
	"multiset",
	"unset",
	"multiunset",
	"export",
	"bridge_export",
	"set_name",
	"set_profile_var",
	"set_audio_level",
	"set_mute",
	"set_media_stats",
	"verbose_events",
	"session_loglevel",
	"novideo",
	"jitterbuffer",
	"flush_dtmf",
	"block_dtmf",
	"unblock_dtmf",
	"start_dtmf",
	"stop_dtmf",
	"start_dtmf_generate",
	"stop_dtmf_generate",
	"enable_heartbeat",
	"enable_keepalive",
	"privacy",
	"eval",
	"stop",
	"log",
	"info",
	/* sound and wait */
	"conference",
	"park",
	"park_state",
	"echo",
	"delay_echo",
	"hold",
	"unhold",
	"sleep",
	"playback",
	"endless_playback",
	"loop_playback",
	"gentones",
	"speak",
	"say",
	"wait_for_silence",
	"hangup",
	NULL,
};

/* API functions that data may call: they answer from their arguments, or read. */
static const char *const pure[] = {
	"cond",       "create_uuid", "expr",        "global_getvar",
	"md5",        "rand",        "regex",       "strepoch",
	"strftime",   "tolower",     "toupper",     "url_decode",
	"url_encode", "user_data",   "user_exists", NULL,
};

static bool is_in(const char *const *v, const char *name, size_t len)
{
	for (; *v != NULL; v++)
		if (strlen(*v) == len && memcmp(*v, name, len) == 0)
			return true;
	return false;
}

/* "${name(...)}" and "${name ...}" call an API function, and an argument may hold
 * another: each "${" is looked at by itself.  A name that is made of other variables
 * could be any.  switch_channel.c switch_channel_expand_variables_check. */
static bool is_data_safe(const char *data)
{
	for (; (data = strstr(data, "${")) != NULL; data += 2) {
		const char *name = data + 2;
		size_t len = strcspn(name, " ({}$");

		switch (name[len]) {
		case '}':
		case '\0':
			continue;
		case ' ':
		case '(':
			if (is_in(pure, name, len))
				continue;
			return false;
		default:
			return false;
		}
	}
	return true;
}

const char *const *fp_safe_apps(void)
{
	return safe;
}

bool fp_app_is_safe(const char *name, const char *data)
{
	if (!is_in(safe, name, strlen(name)) || !is_data_safe(data))
		return false;
	/* "conference bridge:ROOM:DIALSTRING" dials */
	return strcmp(name, "conference") != 0 ||
	       strncasecmp(data, "bridge:", 7) != 0;
}

bool fp_leg_is_safe(const struct fp_leg *l)
{
	for (size_t i = 0; i < l->row.n_apps; i++)
		if (!fp_app_is_safe(l->row.apps[i].name, l->row.apps[i].data))
			return false;
	return true;
}
