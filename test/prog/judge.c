/* SPDX-License-Identifier: Apache-2.0 */
/* judge: what the program's parser says of messages that a real SIP server took
 * (test/lab/oracle.sh).  Their paths on stdin, one a line.  Prints those that it
 * calls malformed, and the sums.  Exit 1 when there are any but for two quirks of
 * Kamailio 5.6, which are no SIP:
 *   a method that is no token (RFC 3261 25.1);
 *   SUB (0x1a) in the place of the URI's colon (oracle.c, is_odd_colon). */
#include <stdio.h>

#include "test/fuzz/sip_fuzz.c" /* judge(), is_token() */

#define MESSAGE_MAX 65536
#define SHOWN 20

struct message {
	uint8_t data[MESSAGE_MAX];
	size_t n;
};

static void read_message(struct message *m, const char *path)
{
	FILE *f = fopen(path, "re");

	m->n = 0;
	if (f) {
		m->n = fread(m->data, 1, sizeof(m->data), f);
		fclose(f);
	}
	if (!m->n) {
		fprintf(stderr, "judge: cannot read %s\n", path);
		exit(2);
	}
}

static bool is_malformed(const struct message *m)
{
	bool is_options;

	return judge(m->data, m->n, &is_options) == REFERENCE_MALFORMED;
}

/* The method: what stands in front of the first blank, behind what servers
 * skip. */
static bool is_quirk(struct message *m)
{
	uint8_t *colon = memchr(m->data, 0x1a, m->n);
	size_t i = 0, begin;

	while (i < m->n && memchr("\r\n\t ", m->data[i], 5)) /* NUL too */
		i++;
	begin = i;
	while (i < m->n && is_token(m->data[i]))
		i++;
	if (i == begin || (i < m->n && !memchr("\t ", m->data[i], 2)))
		return true;
	if (colon)
		*colon = ':';
	return colon && !is_malformed(m);
}

static void print_line(const char *path, const struct message *m)
{
	printf("malformed: %s: ", path);
	for (size_t i = 0; i < m->n && i < 120; i++)
		printf(m->data[i] >= ' ' && m->data[i] < 127 ? "%c" : "\\x%02x",
		       m->data[i]);
	printf("\n");
}

int main(void)
{
	static struct message m;
	int n = 0, n_wrong = 0, n_quirks = 0;
	char path[4096];

	for (; fgets(path, sizeof(path), stdin); n++) {
		path[strcspn(path, "\n")] = 0;
		read_message(&m, path);
		if (!is_malformed(&m))
			continue;
		if (is_quirk(&m)) {
			n_quirks++;
			continue;
		}
		if (n_wrong++ < SHOWN)
			print_line(path, &m);
	}
	printf("%d judged, %d wrong, %d quirks\n", n, n_wrong, n_quirks);
	return n_wrong || !n;
}
