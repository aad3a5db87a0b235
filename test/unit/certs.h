/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_CERTS_H
#define FP_TEST_CERTS_H

/* Certificates that openssl(1) makes for a test, in a directory of its own that
 * goes when the test ends: ca.pem, other-ca.pem, and by ca NAME.pem with
 * NAME.key: good (127.0.0.1, localhost), expired, name (sip9.example.net). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char certs_dir[64];

static inline void certs_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", certs_dir);
	if (!*certs_dir || system(command))
		return;
	*certs_dir = 0;
}

static inline const char *certs_file(const char *name)
{
	static char path[16][128];
	static int at;

	at = (at + 1) % 16;
	snprintf(path[at], sizeof(path[at]), "%s/%s", certs_dir, name);
	return path[at];
}

static inline void certs_make(void)
{
	static const char script[] =
		"set -e; cd '%s'; exec >log 2>&1\n"
		"key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
		"for ca in ca other-ca; do\n"
		"  openssl req -x509 $key -keyout $ca.key -out $ca.pem "
		"-subj \"/CN=test $ca\" -days 90\n"
		"done\n"
		"make() {\n"
		"  openssl req $key -keyout $1.key -out $1.csr -subj /CN=$1\n"
		"  echo \"subjectAltName=$3\" >$1.ext\n"
		"  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key "
		"-CAcreateserial -days $2 -out $1.pem -extfile $1.ext\n"
		"}\n"
		"make good 30 IP:127.0.0.1,IP:::1,DNS:localhost\n"
		"make expired -1 IP:127.0.0.1,DNS:localhost\n"
		"make name 30 DNS:sip9.example.net\n"
		"make soon 5 IP:127.0.0.1\n"
		"chmod 600 *.key\n";
	char command[sizeof(script) + 64];

	snprintf(certs_dir, sizeof(certs_dir), "/tmp/fastpath-certs.XXXXXX");
	if (!mkdtemp(certs_dir))
		abort();
	atexit(certs_remove);
	snprintf(command, sizeof(command), script, certs_dir);
	if (system(command)) {
		snprintf(command, sizeof(command), "tail -3 %s/log", certs_dir);
		(void)!system(command);
		abort();
	}
}

#endif
