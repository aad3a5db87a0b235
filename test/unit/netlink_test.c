/* SPDX-License-Identifier: Apache-2.0 */
/* lib/peer/netlink and lib/peer/sshd against a real kernel, in a network
 * namespace of its own a case.  Needs root. */
#include "peer/netlink.h"
#include "peer/sshd.h"
#include "test/unit/unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CHECK(cond, ...)                                                       \
	do {                                                                   \
		if (!OK(cond)) {                                               \
			printf("# ");                                          \
			printf(__VA_ARGS__);                                   \
			printf("\n");                                          \
		}                                                              \
	} while (0)

static void run(const char *command)
{
	if (system(command)) {
		printf("failed: %s\n", command);
		exit(1);
	}
}

static void netns_make(void)
{
	if (geteuid() || unshare(CLONE_NEWNET))
		SKIP("making a network namespace needs root");
	run("ip link set dev lo up");
	run("ip link add dev v0 mtu 1400 numrxqueues 2 numtxqueues 3 "
	    "type veth peer name v1 numrxqueues 4 numtxqueues 2");
	run("ip link property add dev v0 altname an-alternative-name-of-v0");
	run("ip link set dev v0 up && ip link set dev v1 up");
	run("ip addr add 192.0.2.1/24 dev v0");
	run("ip addr add 192.0.2.2/24 dev v0");
	run("ip addr add 2001:db8::1/64 dev v0 nodad");
	run("ip addr add 198.51.100.1 peer 198.51.100.2 dev v1");
	run("ip addr add 2001:db8:1::1 peer 2001:db8:1::2 dev v1 nodad");
}

/* What a walk gave, as one line of words: " 192.0.2.1@v0 ::1@lo". */
static char words[4096];

static int note(void *ctx, const struct fp_prefix *p, const char *ifname)
{
	char s[FP_PREFIX_STRLEN];
	size_t n = strlen(words);

	(void)ctx;
	fp_prefix_print(p, s);
	snprintf(words + n, sizeof(words) - n, " %s@%s", s, ifname);
	return 0;
}

static int note_peer(void *ctx, const struct fp_prefix *p)
{
	return note(ctx, p, "");
}

static int stop(void *ctx, const struct fp_prefix *p, const char *ifname)
{
	(void)p, (void)ifname;
	++*(int *)ctx;
	return 42;
}

static bool has(const char *word)
{
	const char *at = strstr(words, word);

	return at && at[-1] == ' ' && strchr(" ", at[strlen(word)]);
}

TEST(own_addresses_of_both_families)
{
	struct fp_err e = { 0 };
	int calls = 0;

	netns_make();
	words[0] = '\0';
	CHECK(!fp_net_addresses(note, NULL, &e), "%s", e.text);
	CHECK(has("127.0.0.1@lo") && has("::1@lo"), "%s", words);
	CHECK(has("192.0.2.1@v0") && has("192.0.2.2@v0"), "%s", words);
	CHECK(has("2001:db8::1@v0"), "%s", words);
	/* On a point-to-point link ours is not the peer's. */
	CHECK(has("198.51.100.1@v1") && !has("198.51.100.2@v1"), "%s", words);
	CHECK(has("2001:db8:1::1@v1") && !has("2001:db8:1::2@v1"), "%s", words);
	CHECK(fp_net_addresses(stop, &calls, &e) == 42 && calls == 1, "%d",
	      calls);
}

TEST(next_hops_of_every_default_route)
{
	struct fp_err e = { 0 };

	netns_make();
	words[0] = '\0';
	CHECK(!fp_net_gateways(note, NULL, &e), "%s", e.text);
	CHECK(!strcmp(words, ""), "%s", words);

	run("ip route add default nexthop via 192.0.2.251 dev v0 "
	    "nexthop via inet6 fe80::252 dev v0");
	run("ip route add default via 192.0.2.253 table 77");
	run("ip route add 198.18.0.0/15 via 192.0.2.250");
	run("ip -6 route add default via 2001:db8::254 dev v0");
	run("ip -6 route add default metric 9 nexthop via fe80::253 dev v0 "
	    "nexthop via 2001:db8::252 dev v0");
	run("ip route add blackhole default metric 999");
	CHECK(!fp_net_gateways(note, NULL, &e), "%s", e.text);
	CHECK(has("192.0.2.251@v0") && has("fe80::252@v0"), "%s", words);
	CHECK(has("192.0.2.253@v0"), "%s", words);
	CHECK(has("2001:db8::254@v0"), "%s", words);
	CHECK(has("fe80::253@v0") && has("2001:db8::252@v0"), "%s", words);
	CHECK(!has("192.0.2.250@v0"), "%s", words);
}

static int pass_prog(void)
{
	/* r0 = XDP_PASS; exit */
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", insns, 2, NULL);
}

static void test_xdp(int fd, unsigned int flags, enum fp_xdp_mode want)
{
	int ifindex = (int)if_nametoindex("v0");
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	struct fp_net_link l;
	struct fp_err e = { 0 };

	CHECK(!bpf_xdp_attach(ifindex, fd, flags, NULL), "flags %u", flags);
	bpf_obj_get_info_by_fd(fd, &info, &len);
	CHECK(!fp_net_link("v0", &l, &e), "%s", e.text);
	CHECK(l.xdp_mode == want, "%s", fp_xdp_mode_name(l.xdp_mode));
	CHECK(l.xdp_prog_id == info.id, "%u, not %u", l.xdp_prog_id, info.id);
	bpf_xdp_detach(ifindex, flags, NULL);
}

TEST(what_a_link_is_and_what_runs_on_it)
{
	struct fp_net_link l = { 0 };
	struct fp_err e = { 0 };
	int fd;

	netns_make();
	fd = pass_prog();
	CHECK(!fp_net_link("v0", &l, &e), "%s", e.text);
	CHECK(l.ifindex == (int)if_nametoindex("v0"), "%d", l.ifindex);
	CHECK(!strcmp(l.name, "v0") && !strcmp(l.driver, "veth"), "%s %s",
	      l.name, l.driver);
	CHECK(l.mtu == 1400 && l.is_up && l.has_carrier, "%u", l.mtu);
	CHECK(l.rx_queues == 2 && l.tx_queues == 3, "%u %u", l.rx_queues,
	      l.tx_queues);
	CHECK(l.xdp_mode == FP_XDP_NONE && !l.xdp_prog_id, "%u", l.xdp_prog_id);
	CHECK(l.native != FP_NET_NATIVE_NO, "veth has native XDP");

	CHECK(!fp_net_link("lo", &l, &e), "%s", e.text);
	CHECK(!strcmp(l.driver, "-") && l.native != FP_NET_NATIVE_YES, "%s %d",
	      l.driver, (int)l.native);
	CHECK(!fp_net_link("an-alternative-name-of-v0", &l, &e), "%s", e.text);
	CHECK(!strcmp(l.name, "v0"), "%s", l.name);
	CHECK(fp_net_link("nosuch", &l, &e) == -ENODEV, "%s", e.text);
	CHECK(!strcmp(e.text, "nosuch: no such interface here"), "%s", e.text);
	CHECK(fp_net_link("", &l, &e) == -ENODEV, "%s", e.text);

	test_xdp(fd, XDP_FLAGS_DRV_MODE, FP_XDP_NATIVE);
	test_xdp(fd, XDP_FLAGS_SKB_MODE, FP_XDP_GENERIC);
	close(fd);
}

static void devices_make(void)
{
	netns_make();
	run("ip link add dev br0 type bridge");
	run("ip link add dev p0 type veth peer name q0");
	run("ip link add dev p1 type veth peer name q1");
	run("ip link set dev p0 master br0 && ip link set dev p1 master br0");
	run("ip link add dev mv0 link v0 type macvlan mode bridge");
}

static bool look(const char *name, struct fp_net_link *l)
{
	struct fp_err e = { 0 };
	bool is_there = !fp_net_link(name, l, &e);

	CHECK(is_there, "%s", e.text);
	return is_there;
}

static void place(const char *name, const char *kind, const char *over,
		  const char *master)
{
	struct fp_net_link l;

	if (!look(name, &l))
		return;
	CHECK(!strcmp(l.kind, kind), "%s: kind %s", name, l.kind);
	CHECK(!strcmp(l.over, over), "%s: over %s", name, l.over);
	CHECK(!strcmp(l.master, master), "%s: master %s", name, l.master);
	CHECK(l.has_ethernet && !l.is_bond_able, "%s", name);
}

static int count_link(void *ctx, const struct fp_net_link *l)
{
	CHECK(!strcmp(l->driver, "-") && l->ifindex && l->name[0], "%s",
	      l->name);
	++*(int *)ctx;
	return 0;
}

static int stop_link(void *ctx, const struct fp_net_link *l)
{
	(void)ctx, (void)l;
	return 42;
}

TEST(devices_that_are_made_of_others)
{
	struct fp_net_link p0, br0, mv0, v0;
	struct fp_err e = { 0 };
	int n = 0;

	devices_make();
	place("br0", "bridge", "p0,p1", "-");
	place("p0", "veth", "-", "br0"); /* its peer is not below it */
	place("mv0", "macvlan", "v0", "-");
	place("lo", "-", "-", "-");
	if (!look("p0", &p0) || !look("br0", &br0) || !look("mv0", &mv0) ||
	    !look("v0", &v0))
		return;
	OK(fp_net_has_ports(&br0) && !fp_net_has_ports(&p0));
	OK(fp_net_is_below(&p0, &br0) && !fp_net_is_below(&br0, &p0));
	OK(fp_net_is_below(&v0, &mv0) && !fp_net_is_below(&v0, &br0));
	CHECK(!fp_net_links(count_link, &n, &e) && n >= 9, "%d %s", n, e.text);
	CHECK(fp_net_links(stop_link, NULL, &e) == 42, "%s", e.text);
	run("ip link set dev p0 nomaster");
	place("br0", "bridge", "p1", "-");
	place("p0", "veth", "-", "-");
}

TEST(a_bridge_of_more_ports_than_fit)
{
	struct fp_net_link l = { 0 };
	size_t n;

	devices_make();
	run("for i in $(seq 20); do ip link add dev a-long-name$i master br0 "
	    "type veth peer name peer$i || exit; done");
	if (!look("br0", &l))
		return;
	n = strlen(l.over);
	CHECK(n > 100 && n < sizeof(l.over), "%zu", n);
	CHECK(n > 4 && !strcmp(l.over + n - 4, ",..."), "%s", l.over);
}

TEST(a_device_without_ethernet)
{
	struct fp_net_link l = { 0 };

	netns_make();
	if (system("ip tuntap add dev tun0 mode tun 2>/dev/null"))
		SKIP("no tun device here");
	OK(look("tun0", &l) && !l.has_ethernet);
	CHECK(!strcmp(l.kind, "tun"), "%s", l.kind);
}

/* A dual-stack TCP listener; returns its socket. */
static int listener(uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8)) {
		perror("listener");
		exit(1);
	}
	return fd;
}

/* Connections wait in the accept queue: established all the same. */
static void connect_v4(const char *from, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, from, &a.sin_addr);
	bind(fd, (struct sockaddr *)&a, sizeof(a));
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	a.sin_port = htons(port);
	CHECK(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "%s", from);
}

static void connect_v6(uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons(port),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	CHECK(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "v6");
}

/* A process with the name of sshd that holds fd alone from here on. */
static pid_t sshd_start(int fd)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready))
		exit(1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "sshd");
		close(ready[1]);
		close(ready[0]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) < 0) /* end of file: it has its name */
		exit(1);
	close(ready[0]);
	close(fd);
	return pid;
}

TEST(ports_and_peers_of_sshd)
{
	struct fp_sshd_ports ports = { 0 };
	struct fp_sshd_ports one = { .v = { 2222 }, .n = 1 };
	struct fp_err e = { 0 };
	pid_t pid;

	netns_make();
	pid = sshd_start(listener(2222));
	listener(2223); /* ours, and we are not sshd */
	CHECK(!fp_sshd_ports(&ports, &e), "%s", e.text);
	CHECK(ports.n == 2 && ports.v[0] == 22 && ports.v[1] == 2222,
	      "%zu %u %u", ports.n, ports.v[0], ports.v[1]);

	connect_v4("127.0.0.5", 2222);
	connect_v4("127.0.0.6", 2223);
	connect_v6(2222);
	words[0] = '\0';
	CHECK(!fp_sshd_peers(&ports, note_peer, NULL, &e), "%s", e.text);
	CHECK(has("127.0.0.5@") && has("::1@"), "%s", words);
	CHECK(!has("127.0.0.6@") && !has("127.0.0.1@"), "%s", words);
	words[0] = '\0';
	CHECK(!fp_sshd_peers(&one, note_peer, NULL, &e), "%s", e.text);
	CHECK(has("127.0.0.5@") && has("::1@") && !has("127.0.0.6@"), "%s",
	      words);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Nothing tells whose socket is whose: rather one too many. */
TEST(ports_of_an_sshd_that_may_not_be_looked_at)
{
	struct fp_sshd_ports ports = { 0 };
	struct fp_err e = { 0 };
	bool has_2222 = false, has_5060 = false;
	pid_t pid;

	netns_make();
	pid = sshd_start(listener(2222));
	listener(5060);
	if (setresuid(65534, 65534, 0))
		exit(UNIT_SKIP);
	CHECK(!fp_sshd_ports(&ports, &e), "%s", e.text);
	for (size_t i = 0; i < ports.n; i++) {
		has_2222 |= ports.v[i] == 2222;
		has_5060 |= ports.v[i] == 5060;
		OK(!i || ports.v[i - 1] < ports.v[i]);
	}
	OK(!ports.is_complete);
	OK(has_2222 && !has_5060);
	EQ(ports.v[0], 22);
	OK(!setresuid(0, 0, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* 2222, but not 5060; is it known for sure? */
static int socket_ports(bool is_complete)
{
	struct fp_sshd_ports ports = { 0 };

	return fp_sshd_ports(&ports, NULL) || ports.n != 2 ||
	       ports.v[1] != 2222 || ports.is_complete != is_complete;
}

/* As process 1 of a PID namespace.  Its child has another name. */
static void as_systemd(void)
{
	int status = 1;
	pid_t pid;

	prctl(PR_SET_NAME, "systemd");
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	listener(2222);
	listener(5060);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "other");
		status = socket_ports(true);
		if (!status && !setresuid(65534, 65534, 65534))
			status = 2 * socket_ports(false);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

/* ssh.socket, before its first connection. */
TEST(ports_that_systemd_holds_for_an_sshd_yet_to_start)
{
	int status = 1;
	pid_t pid;

	netns_make();
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		SKIP("making a PID namespace needs root");
	pid = fork();
	if (!pid)
		as_systemd();
	waitpid(pid, &status, 0);
	EQ(status, 0);
}
