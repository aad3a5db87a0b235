/* SPDX-License-Identifier: Apache-2.0 */
/* lists N DIR: the same N random addresses as text, and as ipset and nft want
 * them. */

#include "bench/sets.h"

static FILE *open_in(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

static void print_all(FILE *f, const struct set *s, const char *before,
		      const char *after)
{
	for (size_t i = 0; i < s->n; i++) {
		uint32_t a = (uint32_t)s->v[i].at;

		fprintf(f, "%s%u.%u.%u.%u%s", before, a >> 24, a >> 16 & 255,
			a >> 8 & 255, a & 255, i + 1 < s->n ? after : "");
	}
}

static void close_out(FILE *f)
{
	if (ferror(f) || fclose(f))
		die("writing: %s", strerror(errno));
}

static void write_nft(const struct set *s, const char *dir, const char *name,
		      const char *flags)
{
	char file[64];
	FILE *f;

	snprintf(file, sizeof(file), "%s.nft", name);
	f = open_in(dir, file);
	fprintf(f,
		"table netdev fp_%s {\n\tset b {\n\t\ttype ipv4_addr\n%s"
		"\t\telements = { ",
		name, flags);
	print_all(f, s, "", ", ");
	fprintf(f, " }\n\t}\n}\n");
	close_out(f);
}

int main(int argc, char **argv)
{
	struct set s;
	FILE *f;

	if (argc != 3)
		die("usage: lists N DIR");
	set_init(&s, SET_HOSTS4, (size_t)atol(argv[1]), 1);
	/* as a feed comes: in no order */
	for (size_t i = s.n - 1; i; i--) {
		size_t j = bench_rand(&s.seed) % (i + 1);
		struct set_entry x = s.v[i];

		s.v[i] = s.v[j];
		s.v[j] = x;
	}
	f = open_in(argv[2], "list.txt");
	print_all(f, &s, "", "\n");
	fprintf(f, "\n");
	close_out(f);
	f = open_in(argv[2], "list.ipset");
	fprintf(f, "create b hash:ip hashsize %zu maxelem %zu\n", s.n, s.n);
	print_all(f, &s, "add b ", "\n");
	fprintf(f, "\n");
	close_out(f);
	write_nft(&s, argv[2], "hash", "");
	write_nft(&s, argv[2], "interval", "\t\tflags interval\n");
	set_fini(&s);
	return 0;
}
