#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome drain-media with real OpenSIPS and real rtpengines: packets arrive both
# ways after the move.

bats_require_minimum_version 1.5.0

load media.bash

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] || skip 'no FP_OPENSIPS_PREFIX'
	rm_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rm_setup; }
teardown() { rm_teardown; }

@test "drain-media: no new calls there, the old ones elsewhere, both ends hear" { case_media_drain 12 3; }
@test "drain-media: without local_route one call tells, and no other is asked" { case_media_local_route; }
@test "drain-media: a dead engine's calls have a voice again" { case_media_dead; }
@test "drain-media: killed in the middle, resume goes on" { case_media_resume; }
@test "drain-media: words, and an engine without calls" { case_media_words; }
