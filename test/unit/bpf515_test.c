/* SPDX-License-Identifier: Apache-2.0 */
/* The XDP object uses nothing that Linux 5.15 does not have: every instruction,
 * helper, map and function of it against tables of that kernel.
 * Source: kernel/bpf/{verifier,core,arraymap,hashtab,ringbuf,btf}.c,
 * net/core/filter.c and include/uapi/linux/bpf.h of v5.15. */
#include "unit.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gelf.h>
#include <libelf.h>

#include "peer/bpfobj.h"

#define OBJECT_SIZE ((size_t)(fp_bpf_object_end - fp_bpf_object_start))
#define N_OF(a) (sizeof(a) / sizeof(*(a)))

/* ---- tables: what there is, and since when ---- */

struct since {
	uint32_t is;
	const char *version;
};

/* What an XDP program of 5.15 may call: xdp_func_proto, bpf_base_func_proto. */
static const struct since helpers[] = {
	{ BPF_FUNC_map_lookup_elem, "3.19" },
	{ BPF_FUNC_map_update_elem, "3.19" },
	{ BPF_FUNC_map_delete_elem, "3.19" },
	{ BPF_FUNC_ktime_get_ns, "4.1" },
	{ BPF_FUNC_trace_printk, "4.1" },
	{ BPF_FUNC_get_prandom_u32, "4.1" },
	{ BPF_FUNC_get_smp_processor_id, "4.1" },
	{ BPF_FUNC_tail_call, "4.2" },
	{ BPF_FUNC_redirect, "4.14" },
	{ BPF_FUNC_perf_event_output, "4.8" },
	{ BPF_FUNC_csum_diff, "4.16" },
	{ BPF_FUNC_get_numa_node_id, "4.10" },
	{ BPF_FUNC_xdp_adjust_head, "4.10" },
	{ BPF_FUNC_redirect_map, "4.14" },
	{ BPF_FUNC_xdp_adjust_meta, "4.15" },
	{ BPF_FUNC_xdp_adjust_tail, "4.18" },
	{ BPF_FUNC_fib_lookup, "4.18" },
	{ BPF_FUNC_sk_lookup_tcp, "4.20" },
	{ BPF_FUNC_sk_lookup_udp, "4.20" },
	{ BPF_FUNC_sk_release, "4.20" },
	{ BPF_FUNC_map_push_elem, "4.20" },
	{ BPF_FUNC_map_pop_elem, "4.20" },
	{ BPF_FUNC_map_peek_elem, "4.20" },
	{ BPF_FUNC_spin_lock, "5.1" },
	{ BPF_FUNC_spin_unlock, "5.1" },
	{ BPF_FUNC_skc_lookup_tcp, "5.2" },
	{ BPF_FUNC_tcp_check_syncookie, "5.2" },
	{ BPF_FUNC_tcp_gen_syncookie, "5.3" },
	{ BPF_FUNC_jiffies64, "5.6" },
	{ BPF_FUNC_ktime_get_boot_ns, "5.8" },
	{ BPF_FUNC_ringbuf_output, "5.8" },
	{ BPF_FUNC_ringbuf_reserve, "5.8" },
	{ BPF_FUNC_ringbuf_submit, "5.8" },
	{ BPF_FUNC_ringbuf_discard, "5.8" },
	{ BPF_FUNC_ringbuf_query, "5.8" },
	{ BPF_FUNC_ktime_get_coarse_ns, "5.11" },
	{ BPF_FUNC_check_mtu, "5.12" },
	{ BPF_FUNC_for_each_map_elem, "5.13" },
	{ BPF_FUNC_timer_init, "5.15" },
	{ BPF_FUNC_timer_set_callback, "5.15" },
	{ BPF_FUNC_timer_start, "5.15" },
	{ BPF_FUNC_timer_cancel, "5.15" },
};

static const struct since flags[] = {
	{ BPF_F_NO_PREALLOC, "4.6" }, { BPF_F_NO_COMMON_LRU, "4.10" },
	{ BPF_F_NUMA_NODE, "4.14" },  { BPF_F_RDONLY, "4.15" },
	{ BPF_F_WRONLY, "4.15" },     { BPF_F_ZERO_SEED, "5.0" },
	{ BPF_F_RDONLY_PROG, "5.2" }, { BPF_F_WRONLY_PROG, "5.2" },
	{ BPF_F_MMAPABLE, "5.5" },    { BPF_F_INNER_MAP, "5.10" },
};

#define ACCESS                                                                 \
	(BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG | \
	 BPF_F_NUMA_NODE)
#define HASHED (ACCESS | BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED)
#define ANY_MAX UINT32_MAX
/* KMALLOC_MAX_SIZE with pages of 4 KB: array_map_alloc_check */
#define ARRAY_MAX (4u << 20)
/* PCPU_MIN_UNIT_SIZE: the most that pcpu_alloc gives */
#define PERCPU_MAX (32u << 10)

static const struct map_type {
	uint32_t is;
	const char *version;
	uint32_t flags;     /* that it takes */
	uint32_t key_size;  /* 0: any up to MAX_BPF_STACK, 512 */
	uint32_t value_max; /* bytes */
} map_types[] = {
	{ BPF_MAP_TYPE_HASH, "3.19", HASHED, 0, ARRAY_MAX - 1024 },
	{ BPF_MAP_TYPE_ARRAY, "3.19", ACCESS | BPF_F_MMAPABLE | BPF_F_INNER_MAP,
	  4, ARRAY_MAX },
	{ BPF_MAP_TYPE_PROG_ARRAY, "4.2", ACCESS, 4, 4 },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, "4.3", ACCESS, 4, 4 },
	{ BPF_MAP_TYPE_PERCPU_HASH, "4.6", HASHED, 0, PERCPU_MAX },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, "4.6", ACCESS, 4, PERCPU_MAX },
	{ BPF_MAP_TYPE_LRU_HASH, "4.10",
	  (HASHED & ~BPF_F_NO_PREALLOC) | BPF_F_NO_COMMON_LRU, 0,
	  ARRAY_MAX - 1024 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, "4.10",
	  (HASHED & ~BPF_F_NO_PREALLOC) | BPF_F_NO_COMMON_LRU, 0, PERCPU_MAX },
	{ BPF_MAP_TYPE_LPM_TRIE, "4.11", ACCESS | BPF_F_NO_PREALLOC, 0,
	  ARRAY_MAX - 1024 },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, "4.12", ACCESS, 4, 4 },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, "4.12", HASHED, 0, 4 },
	{ BPF_MAP_TYPE_DEVMAP, "4.14", ACCESS, 4, 8 },
	{ BPF_MAP_TYPE_CPUMAP, "4.15", BPF_F_NUMA_NODE, 4, 8 },
	{ BPF_MAP_TYPE_XSKMAP, "4.18",
	  BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_NUMA_NODE, 4, 4 },
	{ BPF_MAP_TYPE_RINGBUF, "5.8", BPF_F_NUMA_NODE, 0, 0 },
};

static const struct since *find_since(const struct since *v, size_t n,
				      uint32_t is)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].is == is)
			return &v[i];
	return NULL;
}

/* ---- instructions; each of these: NULL, or why it is too new ---- */

static const char *call_why(const struct bpf_insn *i)
{
	if (BPF_SRC(i->code) == BPF_X)
		return "a call of what is in a register";
	if (i->src_reg == BPF_PSEUDO_CALL)
		return NULL; /* 4.16; global functions: 5.6 */
	if (i->src_reg == BPF_PSEUDO_KFUNC_CALL)
		return "a kfunc";
	if (i->src_reg)
		return "a call of an unknown kind";
	return find_since(helpers, N_OF(helpers), (uint32_t)i->imm)
		       ? NULL
		       : "a helper that XDP has not";
}

static const char *alu_why(const struct bpf_insn *i)
{
	if (BPF_OP(i->code) > BPF_END)
		return "unknown arithmetic";
	if (BPF_OP(i->code) == BPF_END && BPF_CLASS(i->code) == BPF_ALU64)
		return "bswap (6.6)";
	/* signed division and moves with sign are told by off */
	return i->off ? "signed arithmetic (6.6)" : NULL;
}

static const char *jump_why(const struct bpf_insn *i)
{
	bool is_32 = BPF_CLASS(i->code) == BPF_JMP32; /* 5.1 */

	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return is_32 ? "gotol (6.6)" : NULL;
	case BPF_CALL:
		return is_32 ? "unknown jump" : call_why(i);
	case BPF_EXIT:
		return is_32 ? "unknown jump" : NULL;
	default: /* jlt jle jslt jsle: 4.14 */
		return BPF_OP(i->code) > BPF_JSLE ? "may_goto (6.9)" : NULL;
	}
}

static const char *load_why(const struct bpf_insn *i)
{
	if (i->code != (BPF_LD | BPF_IMM | BPF_DW))
		return "a load that only socket filters have";
	switch (i->src_reg) {
	case 0:
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_VALUE: /* 5.2 */
	case BPF_PSEUDO_FUNC:      /* 5.13 */
		return NULL;
	default: /* BPF_PSEUDO_BTF_ID needs BTF on the target */
		return "a kernel symbol";
	}
}

static const char *store_why(const struct bpf_insn *i)
{
	if (BPF_MODE(i->code) == BPF_MEM)
		return NULL;
	/* the rest of the atomics is 5.12, but the JITs of some CPUs are not */
	return BPF_MODE(i->code) == BPF_ATOMIC && i->imm == BPF_ADD &&
			       (BPF_SIZE(i->code) == BPF_W ||
				BPF_SIZE(i->code) == BPF_DW)
		       ? NULL
		       : "an atomic but XADD";
}

static const char *insn_why(const struct bpf_insn *i)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		return load_why(i);
	case BPF_LDX:
		return BPF_MODE(i->code) == BPF_MEM ? NULL
						    : "a load with sign (6.6)";
	case BPF_ST:
		return BPF_MODE(i->code) == BPF_MEM ? NULL : "unknown store";
	case BPF_STX:
		return store_why(i);
	case BPF_JMP:
	case BPF_JMP32:
		return jump_why(i);
	default:
		return alu_why(i);
	}
}

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

/* ---- maps ---- */

struct map_facts {
	uint32_t type, key_size, value_size, n, flags;
};

static const char *ring_why(const struct map_facts *m)
{
	return m->n && !(m->n & (m->n - 1)) && !(m->n % 4096)
		       ? NULL
		       : "a ring of pages, a power of two, that is not";
}

static const char *map_why(const struct map_facts *m)
{
	const struct map_type *t = map_types;
	uint32_t known = 0;

	while (t < map_types + N_OF(map_types) && t->is != m->type)
		t++;
	if (t == map_types + N_OF(map_types))
		return "a map type that XDP has not";
	for (size_t i = 0; i < N_OF(flags); i++)
		known |= flags[i].is;
	if (m->flags & ~known)
		return "an unknown flag";
	if (m->flags & ~t->flags)
		return "a flag that this type does not take";
	if (m->type == BPF_MAP_TYPE_RINGBUF)
		return m->key_size || m->value_size ? "sizes of a ring"
						    : ring_why(m);
	if (t->key_size ? m->key_size != t->key_size
			: !m->key_size || m->key_size > 512)
		return "key size";
	if (!m->value_size || m->value_size > t->value_max)
		return "value size";
	return m->n ? NULL : "no elements";
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
		  .imm = BPF_ADD | BPF_FETCH },
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
