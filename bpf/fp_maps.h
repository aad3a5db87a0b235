/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef FP_MAPS_H
#define FP_MAPS_H

/* What the XDP program and user space share: map names, structures, sizes.
 * fp-lists.5 describes them; a change of anything here is a new FP_LAYOUT. */

#include <linux/types.h>

#ifndef FP_LAYOUT
#define FP_LAYOUT 2
#endif

/* The verdict for an address is the highest that any live entry which covers
 * it gives.  Same numbers as enum fp_kind. */
#define FP_V_NONE 0
#define FP_V_BLOCK 1
#define FP_V_ALLOW 2
#define FP_V_FENCE 3

/* ---- IPv4 without a deadline: gate4, dir4, chunk table ----
 *
 * gate4: one bit a /24: is its word anything but 0?  2 MB, stays in L2/L3, and
 * is all that an unlisted source costs.
 * dir4: one word a /24, as 16,384 values of 4 KB (kernels before 6.x refuse
 * one value of 64 MB; a change of one address maps one page):
 *
 *   31 30 | 29   | 28 27   | 26..24 | 23 .. 0
 *   type  | LOOK | verdict | 0      | up to three host octets, or chunk number
 */
#define FP_DIR_PAGE_WORDS 1024
#define FP_DIR_PAGES 16384
#define FP_DIR_TYPE(w) ((w) >> 30) /* 0: no host is listed */
#define FP_DIR_ALL 1u              /* every host has the verdict */
#define FP_DIR_INLINE                                                          \
	2u              /* the hosts named (an octet may stand twice) have it */
#define FP_DIR_CHUNK 3u /* two bits a host in the chunk */
#define FP_DIR_LOOK                                                            \
	(1u << 29) /* the prefix table has entries here: ask it too */
#define FP_DIR_VERDICT(w) ((w) >> 27 & 3)
#define FP_DIR_VALUE(w) ((w)&0xffffff)
#define FP_GATE4_WORDS (1u << 19)

struct fp_dir_page {
	__u32 word[FP_DIR_PAGE_WORDS];
};

struct fp_gate4 {
	__u32 word[FP_GATE4_WORDS];
};

/* Element 0 of the chunk table is its head; chunk numbers begin at 1. */
struct fp_chunk {
	__u32 word[16]; /* host o: word[o / 16] >> (o % 16 * 2) & 3 */
};

/* ---- everything else: the prefix table ----
 *
 * IPv6, and IPv4 entries that have a deadline or come and go: a hash by prefix
 * cut to its length, probed for each length in use.  IPv4 as ::ffff:a.b.c.d.
 * A bucket is a cache line of three slots.  A slot's key is (prefix, length,
 * kind).  Buckets that overflowed say so and go on in the next one.  Writers
 * fill a slot and then publish it by one store to meta; a slot that was
 * emptied is dead until a grace period has passed.
 */
#define FP_BUCKET_SLOTS 3
#define FP_BUCKET_OVERFLOW (1u << 30)
#define FP_PROBE_MAX 8 /* buckets looked at */
#define FP_SLOT_EMPTY 0
#define FP_SLOT_DEAD 0xff
#define FP_SLOT_LEN(meta, i) ((meta) >> (8 * (i)) & 0xff) /* length + 1 */
#define FP_SLOT_KIND(meta, i) ((meta) >> (24 + 2 * (i)) & 3)
#define FP_UNTIL_NEVER 0xffffffffu

struct fp_bucket {
	__u32 meta;
	__u32 until_s[FP_BUCKET_SLOTS]; /* CLOCK_MONOTONIC seconds */
	__u64 key[FP_BUCKET_SLOTS][2];  /* hi, lo in host order */
};

/* Element 0 of the prefix and chunk tables, in the place of a value. */
struct fp_table_head {
	__u32 n;         /* elements that follow */
	__u32 seed;      /* prefix table: of the hash */
	__u32 live;      /* prefix table: slots in use */
	__u32 dead;      /* prefix table: slots emptied, not yet reused */
	__u32 fresh;     /* chunk table: first number never used */
	__u32 free_head; /* chunk table: free chunks, linked by word[0] */
	__u32 pad[10];
};

/* The two tables that can grow hang in one array of maps: a bigger copy is put
 * in the old one's place by one pointer store. */
#define FP_TAB_CHUNK 0
#define FP_TAB_PREFIX 1
#define FP_TAB_N 2
#define FP_TAB_VALUE_SIZE 64

/* gate6: one bit for a hash of the first 48 bits. */
#define FP_GATE6_BITS (1u << 24)
struct fp_gate6 {
	__u32 word[FP_GATE6_BITS / 32];
};

static inline __attribute__((always_inline)) __u32 fp_gate6_bit(__u64 hi)
{
	return (__u32)((hi >> 16) * 0x9e3779b97f4a7c15ull >> 40);
}

/* 32 bits out of the key; the bucket is that number scaled to 0..n-1. */
static inline __attribute__((always_inline)) __u32 fp_prefix_hash(__u64 hi,
								  __u64 lo,
								  __u32 len,
								  __u32 seed)
{
	__u64 h = (hi ^ seed) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 32 ^ lo) * 0xd6e8feb86659fd93ull;
	h = (h ^ h >> 32 ^ len) * 0xa0761d6478bd642full;
	return (__u32)(h >> 32);
}

/* ---- settings ---- */

enum fp_mode { FP_OFF, FP_OBSERVE, FP_ENFORCE };

#define FP_NICS 64
#define FP_IFNAME 16
#define FP_LENS4 40
#define FP_LENS6 136

struct fp_nic {
	char name[FP_IFNAME];
	__u32 ifindex;
	__u32 confirm_until_s; /* not 0: stops filtering then (CLOCK_MONOTONIC) */
	__u32 generic;         /* attached in generic mode */
	__u32 pad;
};

/* One value, one page.  The program reads it for every packet; each setting is
 * an aligned 32-bit word, so a change counts at once and whole. */
struct fp_conf {
	__u32 lists, stealth, malformed; /* enum fp_mode */
	__u32 sample_ticks; /* jiffies between two samples; 0: all drops are */
	__u32 n_fence;      /* fence entries: 0 = do not look */
	/* Prefix lengths (of 128) in use; 0xff = a hole. long6: 48 and more. */
	__u32 n_lens4, n_long6, n_short6;
	__u8 lens4[FP_LENS4];
	__u8 long6[FP_LENS6];
	__u8 short6[FP_LENS6];
	struct fp_nic nic[FP_NICS];
	__u32 bypass_until_s; /* not 0: nothing is dropped, all is observed, until
			       * then (CLOCK_MONOTONIC) */
	__u32 pad;
	/* user space only from here */
	__u64 token;      /* of the lists that the tables were compiled from */
	__s64 wall_s;     /* CLOCK_REALTIME - CLOCK_MONOTONIC when compiled */
	__u32 look_stale; /* LOOK bits and gate6 bits that may be for nothing */
	__u32 max_hashed; /* most entries in the prefix table */
	__u32 count[130]; /* live slots by length: 0..128 */
	__u32 count4[34]; /* IPv4 slots by IPv4 length */
	/* The build whose program runs on the NIC (mixed with that program's id),
	 * or answers questions; 0: not known.  And when it was put there, CLOCK_BOOTTIME. */
	__u32 build[FP_NICS], loaded_s[FP_NICS], ask_build;
	/* Since when a check observes at all ports where it does now, and since
	 * when packets of a NIC are looked at without a break, CLOCK_MONOTONIC;
	 * 0: it does not, they are not. */
	__u32 observing_s[2]; /* stealth, malformed */
	__u32 looking_s[FP_NICS];
};

/* Ports: a bit each in four sets. */
#define FP_PORT_WORDS 2048
struct fp_ports {
	__u32 sip_udp[FP_PORT_WORDS], sip_tcp[FP_PORT_WORDS];
	__u32 guard_udp[FP_PORT_WORDS], guard_tcp[FP_PORT_WORDS];
	__u32 never[FP_PORT_WORDS]; /* sshd's: no guard port, no fence */
};

/* ---- what is counted ---- */

/* X(name, is_drop, help): the reasons, in the order of their numbers. */
#define FP_REASONS(X)                                                          \
	X(pass_other, 0, "not a port or protocol of ours")                     \
	X(pass_request, 0, "SIP request")                                      \
	X(pass_reply, 0, "SIP reply")                                          \
	X(pass_keepalive, 0, "keep-alive, STUN or too short to judge")         \
	X(pass_tcp, 0, "TCP to a SIP port")                                    \
	X(pass_guard, 0, "to a guarded port")                                  \
	X(pass_allowed, 0, "source on an allow list")                          \
	X(pass_unread, 0, "port not readable, source not listed")              \
	X(pass_unconfirmed, 0, "attach was not confirmed in time")             \
	X(pass_xsk, 0, "for an AF_XDP socket, received or not")                \
	X(seen_block, 0, "observe: would be dropped as blocked")               \
	X(seen_fence, 0, "observe: would be dropped as fenced")                \
	X(seen_unread, 0, "observe: listed, port not readable")                \
	X(seen_stealth, 0, "observe: would be dropped as OPTIONS")             \
	X(seen_malformed, 0, "observe: would be dropped as malformed")         \
	X(drop_block, 1, "source on a block list")                             \
	X(drop_fence, 1, "source is fenced")                                   \
	X(drop_unread, 1, "listed source, port not readable")                  \
	X(drop_stealth, 1, "OPTIONS from a source on no allow list")           \
	X(drop_malformed, 1, "not SIP, on a SIP port")

enum fp_reason {
#define FP_X(name, is_drop, help) FP_R_##name,
	FP_REASONS(FP_X)
#undef FP_X
		FP_R_N
};
#define FP_REASON_ROW 32 /* counters of NIC s: s * FP_REASON_ROW + reason */

#define FP_C_SEEN_NEW (FP_REASON_ROW - 1) /* a fp_seen_news stands there */
#define FP_SEEN_DAY_S 86400
/* user space only: packets of CPU 0 is when the row was last set to zero,
 * CLOCK_MONOTONIC in ns; written after that was done */
#define FP_C_ZEROED (FP_REASON_ROW - 2)

struct fp_counter {
	__u64 packets, bytes;
	__u64 next; /* jiffies from which on a drop is sampled again */
};

/* Sources new to `seen`, whatever the reason: of those that are not in it one has
 * been forgotten each.  Lives as long as `seen` does, set to zero by nobody. */
struct fp_seen_news {
	__u64 ever;
	__u64 day; /* of the last one, CLOCK_MONOTONIC / FP_SEEN_DAY_S */
	__u32 today, before; /* how many on that day and on the one before */
};

/* A sampled drop.  The ring holds the last FP_SAMPLES of them: number n is
 * element 1 + n % FP_SAMPLES, element 0's seq is the newest number.  Any number
 * of readers, each at its own place; one that is too slow sees a gap in seq.
 * Of each NIC, reason and CPU the first drop in sample_ticks of the clock (of 4 ms
 * where CONFIG_HZ is 250) is sampled: few drops are all seen, many cost little. */
#define FP_SAMPLES 1024
#define FP_SAMPLE_HEAD 256
#define FP_SAMPLE_BUSY (~0ull)
struct fp_sample {
	__u64 seq;     /* from 1; FP_SAMPLE_BUSY: being written */
	__u64 time_ns; /* CLOCK_MONOTONIC, coarse */
	__u64 hi, lo;
	__u64 count; /* packets of this NIC, reason and CPU, this one included */
	__u16 sport, dport, len;
	__u8 reason, proto;
	__u16 nic, cpu;
	__u16 head_len;
	__u16 pad;
	__u8 head[FP_SAMPLE_HEAD]; /* from behind the Ethernet header */
};

/* Who would have been dropped, while a check only observes. */
struct fp_seen_key {
	__u64 hi, lo;
	__u32 reason;
	__u32 pad;
};
struct fp_seen {
	__u64 packets;
	__u32 first_s, last_s;
	__u32 dialog_s; /* the last request within a dialog; 0: none */
	__u32 pad;
};
#define FP_SEEN_MAX 16384

/* fp_rehearse judges the packets of one buffer, which stand in it from the last
 * to the first, and writes down what became of each. */
#define FP_REHEARSE_MAX 64
struct fp_rehearse {
	__u32 n, at; /* at: the one that is being judged */
	struct {
		__u32 off, len; /* in the buffer; len: 14 at least */
		__u8 verdict;   /* XDP_PASS, XDP_DROP */
		__u8 reason;    /* enum fp_reason */
		__u8 observed;  /* seen_*; FP_R_N: nothing */
		__u8 pad;
	} packet[FP_REHEARSE_MAX];
};

/* What the query program takes and gives: after the Ethernet header, up to
 * FP_QUERY_MAX of these; verdict is filled in. */
#define FP_QUERY_MAX 64
struct fp_query {
	__u64 hi, lo;
	__u32 verdict;
	__u32 pad;
};

_Static_assert(sizeof(struct fp_dir_page) == 4096, "one page of words");
_Static_assert(sizeof(struct fp_chunk) == FP_TAB_VALUE_SIZE, "a cache line");
_Static_assert(sizeof(struct fp_bucket) == FP_TAB_VALUE_SIZE, "a cache line");
_Static_assert(sizeof(struct fp_table_head) == FP_TAB_VALUE_SIZE, "element 0");
_Static_assert(sizeof(struct fp_conf) <= 4096, "one page");
/* A build of another layout takes over the NICs that are attached, and reads
 * them here. */
_Static_assert(__builtin_offsetof(struct fp_conf, nic) == 344 &&
		       sizeof(struct fp_nic) == 32 && FP_NICS == 64,
	       "the same in every layout");
_Static_assert(sizeof(struct fp_query) == 24, "no holes");
_Static_assert(sizeof(struct fp_sample) == 312, "no holes");
_Static_assert(sizeof(struct fp_seen_news) == sizeof(struct fp_counter),
	       "one in the place of the other");
_Static_assert(FP_R_N <= FP_C_ZEROED, "a row holds every reason");

#endif
