/* SPDX-License-Identifier: Apache-2.0 */
/* The XDP object uses nothing that Linux 5.15 does not have: every instruction,
 * helper, map and function of it against tables of that kernel. */
#include "unit.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gelf.h>
#include <libelf.h>

#include "bpf515.h"
#include "peer/bpfobj.h"

#define OBJECT_SIZE ((size_t)(fp_bpf_object_end - fp_bpf_object_start))

/* How many of n instructions are too new. */
static int count_new(const struct bpf_insn *v, size_t n, const char *where)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		const char *why = insn_why(&v[i]);

		if (why) {
			printf("%s, instruction %zu: %s (code %#x imm %d)\n",
			       where, i, why, v[i].code, v[i].imm);
			bad++;
		}
		if (v[i].code == (BPF_LD | BPF_IMM | BPF_DW))
			i++; /* its second half */
	}
	return bad;
}

static void check_map(const struct bpf_map *map)
{
	const struct map_facts m = {
		.type = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.n = bpf_map__max_entries(map),
		.flags = bpf_map__map_flags(map),
	};
	const char *why = map_why(&m);

	if (!OK(!why))
		printf("map %s: %s (type %u key %u value %u n %u flags %#x)\n",
		       bpf_map__name(map), why, m.type, m.key_size,
		       m.value_size, m.n, m.flags);
	OK(strlen(bpf_map__name(map)) < BPF_OBJ_NAME_LEN);
}

/* ---- functions ---- */

static const struct btf_type *plain_type(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_typedef(t) || btf_is_mod(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static bool is_scalar(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = plain_type(btf, id);

	return t && (btf_is_int(t) || btf_is_enum(t));
}

static bool is_context(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = plain_type(btf, id);

	t = t && btf_is_ptr(t) ? plain_type(btf, t->type) : NULL;
	return t && btf_is_struct(t) &&
	       !strcmp(btf__name_by_offset(btf, t->name_off), "xdp_md");
}

/* What the verifier takes of a function that it looks at on its own: numbers and
 * the context in, a number out (btf_prepare_func_args; 5.6). */
static void check_global(const struct btf *btf, const struct btf_type *func)
{
	const struct btf_type *proto = btf__type_by_id(btf, func->type);
	const struct btf_param *p = btf_params(proto);
	bool is_good = is_scalar(btf, proto->type) && btf_vlen(proto) <= 5;

	for (int i = 0; i < btf_vlen(proto); i++)
		is_good &=
			is_scalar(btf, p[i].type) || is_context(btf, p[i].type);
	if (!OK(is_good))
		printf("function %s\n",
		       btf__name_by_offset(btf, func->name_off));
}

/* ---- the object ---- */

static struct bpf_object *open_object(void)
{
	struct bpf_object *o =
		bpf_object__open_mem(fp_bpf_object_start, OBJECT_SIZE, NULL);

	if (!OK(o))
		exit(1);
	return o;
}

static Elf *open_elf(void)
{
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)(uintptr_t)fp_bpf_object_start, OBJECT_SIZE);
	if (!OK(elf))
		exit(1);
	return elf;
}

static const char *section_name(Elf *elf, const GElf_Shdr *h)
{
	size_t strings;

	return elf_getshdrstrndx(elf, &strings)
		       ? ""
		       : elf_strptr(elf, strings, h->sh_name);
}

TEST(every_instruction_is_known)
{
	Elf *elf = open_elf();
	Elf_Scn *s = NULL;
	size_t n = 0;

	while ((s = elf_nextscn(elf, s))) {
		Elf_Data *d = elf_getdata(s, NULL);
		GElf_Shdr h;

		if (!gelf_getshdr(s, &h) || !(h.sh_flags & SHF_EXECINSTR))
			continue;
		n += d->d_size / sizeof(struct bpf_insn);
		EQ(count_new(d->d_buf, d->d_size / sizeof(struct bpf_insn),
			     section_name(elf, &h)),
		   0);
	}
	OK(n > 1000);
	elf_end(elf);
}

/* An undefined symbol is a kfunc, a ksym or a kconfig. */
TEST(nothing_is_taken_from_the_kernel)
{
	Elf *elf = open_elf();
	Elf_Scn *s = NULL;
	int n = 0;

	while ((s = elf_nextscn(elf, s))) {
		Elf_Data *d = elf_getdata(s, NULL);
		GElf_Shdr h;
		GElf_Sym sym;

		if (!gelf_getshdr(s, &h) || h.sh_type != SHT_SYMTAB)
			continue;
		for (int i = 1; gelf_getsym(d, i, &sym); i++, n++)
			if (!OK(sym.st_shndx != SHN_UNDEF))
				printf("%s\n",
				       elf_strptr(elf, h.sh_link, sym.st_name));
	}
	OK(n > 10);
	elf_end(elf);
}

/* The head of .BTF.ext: Documentation/bpf/btf.rst 4.2. */
struct ext_head {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len, func_off, func_len, line_off, line_len;
	uint32_t core_off, core_len;
};

TEST(nothing_is_relocated_by_the_targets_btf)
{
	Elf *elf = open_elf();
	Elf_Scn *s = NULL;
	bool is_seen = false;

	while ((s = elf_nextscn(elf, s))) {
		const struct ext_head *e = elf_getdata(s, NULL)->d_buf;
		GElf_Shdr h;

		if (!gelf_getshdr(s, &h) ||
		    strcmp(section_name(elf, &h), ".BTF.ext"))
			continue;
		is_seen = true;
		EQ(e->magic, 0xeb9f);
		if (e->hdr_len >= sizeof(*e))
			EQ(e->core_len, 0);
	}
	OK(is_seen);
	elf_end(elf);
}

TEST(every_map_is_known)
{
	struct bpf_object *o = open_object();
	struct bpf_map *map;
	int n = 0;

	bpf_object__for_each_map(map, o)
	{
		struct bpf_map *inner = bpf_map__inner_map(map);

		check_map(map);
		if (inner)
			check_map(inner);
		n++;
	}
	OK(n >= 10);
	bpf_object__close(o);
}

/* No flag either: frags (5.18), sleepable, device bound ... */
TEST(programs_are_plain_xdp)
{
	struct bpf_object *o = open_object();
	struct bpf_program *p;
	int n = 0;

	bpf_object__for_each_program(p, o)
	{
		EQ(bpf_program__type(p), BPF_PROG_TYPE_XDP);
		EQ(bpf_program__flags(p), 0);
		n++;
	}
	OK(n >= 2);
	bpf_object__close(o);
}

TEST(global_functions_take_and_give_numbers)
{
	struct bpf_object *o = open_object();
	const struct btf *btf = bpf_object__btf(o);
	int n = 0;

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		OK(!btf_is_decl_tag(t) && !btf_is_type_tag(t));
		if (btf_is_func(t) && btf_vlen(t) == BTF_FUNC_GLOBAL) {
			check_global(btf, t);
			n++;
		}
	}
	OK(n >= 2);
	bpf_object__close(o);
}

/* ---- can these checks fail? ---- */

TEST(instructions_that_are_too_new)
{
	static const struct bpf_insn bad[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = 181 }, /* bpf_loop, 5.17 */
		{ .code = BPF_JMP | BPF_CALL, .imm = 182 }, /* strncmp, 5.17 */
		{ .code = BPF_JMP | BPF_CALL, .imm = 189 }, /* xdp_load_bytes */
		{ .code = BPF_JMP | BPF_CALL, .imm = 26 },  /* skb_load_bytes */
		{ .code = BPF_JMP | BPF_CALL,
		  .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .imm = 1 },
		{ .code = BPF_JMP | BPF_CALL | BPF_X },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .imm = BPF_OR | BPF_FETCH },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_W, .imm = BPF_CMPXCHG },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_W, .imm = BPF_OR },
		{ .code = BPF_LDX | 0x80 | BPF_B }, /* memsx */
		{ .code = BPF_LD | BPF_ABS | BPF_W },
		{ .code = BPF_ALU64 | BPF_DIV | BPF_X, .off = 1 }, /* sdiv */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .off = 8 }, /* movsx */
		{ .code = BPF_ALU64 | BPF_END, .imm = 32 },        /* bswap */
		{ .code = BPF_JMP32 | BPF_JA, .imm = 1 },          /* gotol */
		{ .code = BPF_JMP | 0xe0 }, /* may_goto */
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .src_reg = BPF_PSEUDO_BTF_ID },
	};

	for (size_t i = 0; i < N_OF(bad); i++)
		if (!OK(insn_why(&bad[i])))
			printf("instruction %zu\n", i);
}

TEST(instructions_of_5_15)
{
	static const struct bpf_insn good[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .src_reg = BPF_PSEUDO_MAP_VALUE },
		{ .code = 0, .imm = -1 }, /* the other half: not looked at */
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },
		{ .code = BPF_JMP | BPF_CALL,
		  .src_reg = BPF_PSEUDO_CALL,
		  .imm = 181 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .imm = BPF_ADD },
		{ .code = BPF_ALU | BPF_END | BPF_X, .imm = 16 },
		{ .code = BPF_JMP32 | BPF_JSLE | BPF_K, .off = -3 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	EQ(count_new(good, N_OF(good), "good"), 0);
	EQ(count_new(good + 1, 1, "half"), 1);
}

TEST(maps_that_are_too_new)
{
	static const struct map_facts bad[] = {
		/* the bloom filter, 5.16 */
		{ 30, 0, 8, 100, 0 },
		/* the user's ring, 6.1 */
		{ 31, 0, 0, 4096, 0 },
		/* one value of 64 MB, refused before 6.x */
		{ BPF_MAP_TYPE_ARRAY, 4, 64u << 20, 1, BPF_F_MMAPABLE },
		{ BPF_MAP_TYPE_ARRAY, 4, ARRAY_MAX + 8, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 8, 8, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 0, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_NO_PREALLOC },
		/* BPF_F_PATH_FD, 6.5 */
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, 1u << 14 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, PERCPU_MAX + 8, 1, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, BPF_F_MMAPABLE },
		{ BPF_MAP_TYPE_LRU_HASH, 520, 8, 1, 0 },
		{ BPF_MAP_TYPE_LRU_HASH, 8, 8, 1, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 5000, 0 },
		{ BPF_MAP_TYPE_XSKMAP, 4, 8, 64, 0 },
	};

	for (size_t i = 0; i < N_OF(bad); i++)
		if (!OK(map_why(&bad[i])))
			printf("map %zu\n", i);
	OK(!map_why(&(struct map_facts){ BPF_MAP_TYPE_ARRAY, 4, ARRAY_MAX, 1,
					 BPF_F_MMAPABLE | BPF_F_INNER_MAP }));
	OK(!map_why(&(struct map_facts){ BPF_MAP_TYPE_PERCPU_ARRAY, 4,
					 PERCPU_MAX, 1, 0 }));
}
