/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_BPF515_H
#define FP_TEST_BPF515_H

/* What Linux 5.15 has of instructions, helpers and maps for an XDP program.
 * Source: kernel/bpf/{verifier,core,arraymap,hashtab,ringbuf,btf}.c,
 * net/core/filter.c and include/uapi/linux/bpf.h of v5.15. */

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	/* x86 has these since 5.12, arm64 since 5.18 (there the JIT says no) */
	return BPF_MODE(i->code) == BPF_ATOMIC &&
			       (i->imm == BPF_ADD ||
				i->imm == (BPF_ADD | BPF_FETCH) ||
				i->imm == BPF_XCHG) &&
			       (BPF_SIZE(i->code) == BPF_W ||
				BPF_SIZE(i->code) == BPF_DW)
		       ? NULL
		       : "an atomic but add, fetch and add, xchg";
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

#endif
