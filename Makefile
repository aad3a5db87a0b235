# SPDX-License-Identifier: Apache-2.0
# fastpath.  Everything is built into build/ (build-san/ with SAN=1,
# build-layoutN/ with LAYOUT=N, build-clang/ with LLVM=1).  V=1 shows commands, CI=1 adds -Werror.

VERSION := 0.1.0

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/fastpath
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
BASHCOMPDIR ?= $(or $(shell pkg-config --variable=completionsdir \
	bash-completion 2>/dev/null),$(PREFIX)/share/bash-completion/completions)
SYSTEMDUNITDIR ?= $(or $(shell pkg-config --variable=systemdsystemunitdir \
	systemd 2>/dev/null),/lib/systemd/system)
SYSUSERSDIR ?= $(or $(shell pkg-config --variable=sysusersdir \
	systemd 2>/dev/null),/usr/lib/sysusers.d)
TMPFILESDIR ?= $(or $(shell pkg-config --variable=tmpfilesdir \
	systemd 2>/dev/null),/usr/lib/tmpfiles.d)

CLANG ?= clang
LLVM_STRIP ?= llvm-strip
ifdef LLVM
CC := $(CLANG)
endif
CFLAGS ?= -O2 -g
FUZZ_TIME ?= 30

DEPS_build := gcc libc6-dev clang llvm make pkg-config libbpf-dev libelf-dev \
	zlib1g-dev libmnl-dev libcjson-dev nettle-dev libpcap-dev \
	libssh2-1-dev librabbitmq-dev libssl-dev \
	libcurl4-openssl-dev libpq-dev libexpat1-dev libsqlite3-dev
DEPS_demo := iproute2 sip-tester procps tcpdump ethtool util-linux \
	openssh-server openssh-client jq postgresql python3 \
	python3-psycopg2
DEPS_test := bats shellcheck mandoc strace valgrind libclang-rt-dev \
	clang-format cppcheck libxdp-dev kamailio ipset nftables iptables \
	xdp-tools bpftool \
	socat bash-completion zsh fish time git rabbitmq-server \
	ansible-core kamailio-tls-modules rtpengine-daemon \
	pgbouncer haproxy bind9 bind9-dnsutils keepalived prometheus openssl
# For make bench alone.
DEPS_bench := pssh parallel bc monitoring-plugins-basic
# For make check-full alone (clang-tidy: and make lint).
DEPS_full := qemu-system-x86 busybox-static cpio debhelper lintian debootstrap \
	clang-tidy
DEPS ?= $(DEPS_build) $(DEPS_demo) $(DEPS_test)

# ---- what is built, and where
B := build$(LAYOUT:%=-layout%)$(if $(LLVM),-clang)$(if $(SAN),-san)
F := build/fuzz
# A second layout of the maps, for the tests that upgrade from one to another.
TEST_LAYOUT := 99

LIB_SRC := $(wildcard lib/*/*.c lib/*/*/*.c) \
	$(if $(wildcard bpf/fastpath.bpf.c),lib/peer/bpfobj.S)
TOOLS := $(sort $(patsubst cmd/%.c,%,$(wildcard cmd/fp-*.c)) \
	$(patsubst cmd/%/,%,$(wildcard cmd/fp-*/)))
PROGS := $(patsubst %.c,%,$(wildcard test/unit/*_test.c test/prog/*.c) \
	$(filter-out %.bpf.c,$(wildcard bench/*.c)))
EXAMPLES := $(patsubst %.c,%,$(wildcard examples/*/*.c))
FUZZERS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*_fuzz.c))
BPF := $(patsubst bpf/%.c,$(B)/%.o,$(wildcard bpf/*.bpf.c))
TEST_BPF := $(patsubst test/bpf/%.c,$(B)/test/%.o,$(wildcard test/bpf/*.bpf.c))
BENCH_BPF := $(patsubst %.c,$(B)/%.o,$(wildcard bench/*.bpf.c))

obj = $(addsuffix .o,$(addprefix $(B)/,$(basename $1)))
LIB_OBJ := $(call obj,$(LIB_SRC))
TOOL_OBJ := $(call obj,$(wildcard cmd/fp-*.c cmd/fp-*/*.c))
PROG_OBJ := $(call obj,$(PROGS:=.c) $(EXAMPLES:=.c))
FUZZ_OBJ := $(addprefix $(F)/,$(patsubst %.c,%.o,$(filter %.c,$(LIB_SRC)) \
	$(wildcard test/fuzz/*_fuzz.c)))

# ---- flags: CFLAGS, CPPFLAGS and LDFLAGS are the builder's
# Cutting a message short is what fixed buffers are for, so gcc shall not warn.
WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes $(if $(CI),-Werror)
WARN_gcc := $(if $(findstring clang,$(shell $(CC) --version)),, \
	-Wno-format-truncation)
INC := -Ilib -Ibpf -I. -idirafter /usr/include/postgresql $(LAYOUT:%=-DFP_LAYOUT=%)
DEFS := -D_GNU_SOURCE -DFP_VERSION='"$(VERSION)"' \
	-DFP_BPF_OBJECT='"$(B)/fastpath.bpf.o"'
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
ALL_CFLAGS := -std=gnu11 $(WARN) $(WARN_gcc) $(INC) $(DEFS) $(CPPFLAGS) $(CFLAGS) \
	$(if $(SAN),$(SAN_FLAGS))
FUZZ_CFLAGS := -std=gnu11 $(WARN) $(INC) $(DEFS) -O1 -g $(SAN_FLAGS)
LIBS := -Wl,--as-needed -lbpf -lelf -lz -lnettle -lmnl -lcjson -lpcap \
	-lssh2 -lrabbitmq -lssl -lcrypto -lcurl -lpq -lexpat -lsqlite3 -lm
# asm/types.h is in the multiarch directory, which -target bpf does not search.  BTF
# names each source file: by its place in the tree, so that any tree gives the same.
BPF_CFLAGS := -target bpf -O2 -mcpu=v3 -g -Wall $(if $(CI),-Werror) $(INC) \
	-ffile-prefix-map=$(CURDIR)=. \
	$(addprefix -idirafter ,$(wildcard /usr/include/$(shell uname -m)-linux-gnu))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $1 $@;) mkdir -p $(@D)
deps_of = -MMD -MP -MF $(@:.o=.d) -MT $@

.PHONY: all tools tests fuzzers deps demo drill check check-full lint fuzz bench \
	format install uninstall dist deb unit-tests clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: tools $(B)/libfastpath.a
tools: $(BPF) $(TOOLS:%=$(B)/%)
tests: tools $(addprefix $(B)/,$(filter test/%,$(PROGS)) $(EXAMPLES)) \
	$(TEST_BPF)
unit-tests: $(addprefix $(B)/,$(filter test/unit/%,$(PROGS)))
fuzzers: $(FUZZERS:%=$(F)/%)
benches: tools $(addprefix $(B)/,$(filter bench/%,$(PROGS))) $(BENCH_BPF)

# Objects depend on the flags they were built with, the archive on the list of
# its sources.
$(B)/flags $(F)/flags: said = $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(BPF_CFLAGS)
$(B)/sources $(F)/sources: said = $(LIB_SRC)
$(B)/flags $(F)/flags $(B)/sources $(F)/sources: FORCE
	$(shell mkdir -p $(@D))$(file >$@.new,$(said))
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/%.o: %.c $(B)/flags
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(deps_of) -c -o $@ $<

$(B)/lib/peer/bpfobj.o: lib/peer/bpfobj.S $(B)/fastpath.bpf.o $(B)/flags
	$(call say,AS)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/libfastpath.a: $(LIB_OBJ) $(B)/sources
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

define link
$(call say,LINK)
$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	$(B)/libfastpath.a $(LIBS)
endef

$(foreach t,$(TOOLS),$(eval $(B)/$t: \
	$(call obj,$(wildcard cmd/$t.c cmd/$t/*.c))))
$(TOOLS:%=$(B)/%): $(B)/libfastpath.a
	$(link)

# What tests share: packets and their verdicts.
$(B)/libtest.a: $(call obj,$(wildcard test/corpus/*.c))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROGS:%=$(B)/%): $(B)/%: $(B)/%.o $(B)/libtest.a $(B)/libfastpath.a
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(B)/libtest.a $(B)/libfastpath.a $(LIBS) -lpthread

# Examples use nothing of ours: they are what somebody else would build.
$(EXAMPLES:%=$(B)/%): $(B)/%: $(B)/%.o
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< -lxdp -lbpf

define bpf
$(call say,BPF)
$(Q)$(CLANG) $(BPF_CFLAGS) $(deps_of) -c -o $@ $<
$(Q)$(LLVM_STRIP) -g $@
endef

$(B)/%.bpf.o: bpf/%.bpf.c $(B)/flags
	$(bpf)
$(B)/test/%.bpf.o: test/bpf/%.bpf.c $(B)/flags
	$(bpf)
$(B)/bench/%.bpf.o: bench/%.bpf.c $(B)/flags
	$(bpf)

# Fuzzers are a build of their own: clang, with the library instrumented too.
$(F)/%.o: %.c $(F)/flags
	$(call say,FUZZCC)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link $(deps_of) \
		-c -o $@ $<

$(F)/libfastpath.a: $(filter $(F)/lib/%,$(FUZZ_OBJ)) $(F)/sources
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(FUZZERS:%=$(F)/%): $(F)/%: $(F)/test/fuzz/%.o $(F)/libfastpath.a
	$(call say,LINK)
	$(Q)$(CLANG) $(SAN_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(TOOL_OBJ) $(PROG_OBJ) $(FUZZ_OBJ) \
	$(BPF) $(TEST_BPF) $(BENCH_BPF))

# ---- running.  What deps installs is seen by a fresh make only.
RUN := FP_BUILD=$(CURDIR)/$(B) FP_FUZZERS=$(CURDIR)/$(F) \
	FP_OTHER_LAYOUT=$(CURDIR)/build-layout$(TEST_LAYOUT)$(if $(SAN),-san) \
	test/run

# What check and demo build, they build on all processors.
SUBMAKE := $(MAKE) --no-print-directory -j$(shell nproc)

deps:
	@test/deps $(DEPS)

demo:
	@$(MAKE) --no-print-directory deps DEPS='$(DEPS_build) $(DEPS_demo)'
	@$(SUBMAKE) all
	@$(SUBMAKE) tools LAYOUT=$(TEST_LAYOUT)
	@FP_BUILD=$(CURDIR)/$(B) FP_OTHER_LAYOUT=build-layout$(TEST_LAYOUT) \
		test/lab/demo.sh

# What it is all for, played: see the head of the script.
drill: deps
	@$(SUBMAKE) tests
	@FP_BUILD=$(CURDIR)/$(B) test/drill/drill.sh || [ $$? = 77 ]

check: deps
	@$(SUBMAKE) tests fuzzers
	@$(SUBMAKE) tools LAYOUT=$(TEST_LAYOUT)
	@$(RUN) lint unit fuzz bats drill

check-full: DEPS += $(DEPS_full)
check-full: deps
	@test/full/kernel build/old-kernel || echo "no old kernel to test on"
	@$(SUBMAKE) tests fuzzers benches
	@$(SUBMAKE) tests SAN=1
	@$(SUBMAKE) tests benches LLVM=1 CI=1
	@$(SUBMAKE) tools LAYOUT=$(TEST_LAYOUT)
	@$(SUBMAKE) tools LAYOUT=$(TEST_LAYOUT) SAN=1
	@FP_FULL=1 $(RUN) lint tidy unit fuzz bats clang san valgrind full

lint: tools
	@$(RUN) lint tidy

fuzz: fuzzers
	@FUZZ_TIME=$(FUZZ_TIME) $(RUN) fuzz

# What the lint check of the format wants to see.
format:
	clang-format -i $(wildcard $(addsuffix .[ch],bpf/* lib/*/* cmd/* cmd/*/* \
		test/*/* bench/* examples/*/*))

# BENCH=datapath runs bench/run-datapath.sh; without it all of them run.
bench: DEPS += $(DEPS_bench)
bench: deps
	@$(SUBMAKE) benches
	@for f in $(if $(BENCH),bench/run-$(BENCH).sh,bench/run-*.sh); do \
		FP_BUILD=$(CURDIR)/$(B) $$f || exit; done

# ---- installing.  Units name /usr/sbin; they get the real directory here.
INSTALL ?= install
UNITS := $(wildcard $(addprefix examples/systemd/*.,service timer socket path))
man_dir = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $1))/$(notdir $1)

install: tools $(B)/libfastpath.a
	$(Q)$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BASHCOMPDIR) \
		$(DESTDIR)$(ZSHCOMPDIR) $(DESTDIR)$(FISHCOMPDIR) \
		$(DESTDIR)$(SYSTEMDUNITDIR) $(DESTDIR)$(DOCDIR) \
		$(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR)
	$(Q)$(INSTALL) -m 755 $(TOOLS:%=$(B)/%) $(DESTDIR)$(SBINDIR)
	$(Q)$(foreach m,$(wildcard man/*.[578]),\
		$(INSTALL) -Dm 644 $m $(call man_dir,$m) &&) true
	$(Q)$(INSTALL) -m 644 completions/_fastpath $(DESTDIR)$(ZSHCOMPDIR)
	$(Q)for t in $(TOOLS); do \
		$(INSTALL) -m 644 completions/fastpath.bash \
			$(DESTDIR)$(BASHCOMPDIR)/$$t && \
		$(INSTALL) -m 644 completions/fastpath.fish \
			$(DESTDIR)$(FISHCOMPDIR)/$$t.fish || exit; done
	$(Q)for u in $(notdir $(UNITS)); do \
		sed 's|/usr/sbin/fp-|$(SBINDIR)/fp-|' examples/systemd/$$u \
			>$(DESTDIR)$(SYSTEMDUNITDIR)/$$u || exit; done
	$(Q)$(INSTALL) -m 644 examples/systemd/fastpath.sysusers.conf \
		$(DESTDIR)$(SYSUSERSDIR)/fastpath.conf
	$(Q)$(INSTALL) -m 644 examples/systemd/fastpath.tmpfiles.conf \
		$(DESTDIR)$(TMPFILESDIR)/fastpath.conf
	$(Q)$(INSTALL) -m 644 LICENSE $(DESTDIR)$(DOCDIR)
	$(Q)$(INSTALL) -m 644 bpf/LICENSE $(DESTDIR)$(DOCDIR)/LICENSE.bpf
	$(Q)[ -n '$(DESTDIR)' ] || echo 'Now, or at the next boot, the user' \
		'fastpath and its directories are made:' \
		'systemd-sysusers fastpath.conf &&' \
		'systemd-tmpfiles --create fastpath.conf'

uninstall:
	$(Q)rm -f $(TOOLS:%=$(DESTDIR)$(SBINDIR)/%) \
		$(foreach m,$(wildcard man/*.[578]),$(call man_dir,$m)) \
		$(DESTDIR)$(ZSHCOMPDIR)/_fastpath \
		$(TOOLS:%=$(DESTDIR)$(BASHCOMPDIR)/%) \
		$(TOOLS:%=$(DESTDIR)$(FISHCOMPDIR)/%.fish) \
		$(addprefix $(DESTDIR)$(SYSTEMDUNITDIR)/,$(notdir $(UNITS))) \
		$(DESTDIR)$(SYSUSERSDIR)/fastpath.conf \
		$(DESTDIR)$(TMPFILESDIR)/fastpath.conf
	$(Q)rm -rf $(DESTDIR)$(DOCDIR)

# The same bytes from every clone of a commit: nothing comes from the machine's
# umask, users or clock.
DIST := fastpath-$(VERSION)
dist:
	$(Q)rm -rf build/$(DIST) && mkdir -p build
	$(Q)git archive --prefix=$(DIST)/ -o build/$(DIST).tar HEAD
	$(Q)tar -C build -xf build/$(DIST).tar
	$(Q)tar -C build --format=ustar --sort=name --owner=0 --group=0 \
		--numeric-owner --mode=u=rwX,go=rX \
		--mtime=@$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
		-cf build/$(DIST).tar $(DIST)
	$(Q)gzip -9nf build/$(DIST).tar
	$(Q)rm -rf build/$(DIST)
	@echo build/$(DIST).tar.gz

# Debian packages, source too, of what is committed: in build/deb.
deb: DEPS = $(DEPS_build) debhelper dpkg-dev
deb: deps dist
	$(Q)rm -rf build/deb && mkdir build/deb
	$(Q)tar -C build/deb -xf build/$(DIST).tar.gz
	$(Q)cd build/deb/$(DIST) && \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc
	$(Q)rm -rf build/deb/$(DIST)

clean:
	$(Q)rm -rf build build-clang build-san build-layout*
