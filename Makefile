# `make test` is what CI runs and what the README names. Nothing but cargo, python3 and make has to
# be there before: each target makes sure of the rest, or says how to get it.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo film dist test-package test-image prerequisites venv hooks lint test check advisories bench monkey streams sweep test-node test-shells ansible test-ansible bench-memory bench-keep bench-ssh lint-root

VENV := target/venv
AWSCRT := target/awscrt
ANSIBLE := target/ansible

# A build that is thrown away afterwards gains nothing from incremental files.
ifdef CI
export CARGO_INCREMENTAL ?= 0
endif

# Debian's packages that are not here yet, each with the question that tells.
busybox := $(shell command -v busybox)
missing = $(strip \
	$(if $(shell command -v cc),,build-essential) \
	$(if $(wildcard /usr/sbin/sshd),,openssh-server) \
	$(if $(wildcard /usr/sbin/dropbear),,dropbear-bin) \
	$(if $(and $(busybox),$(if $(shell ldd $(busybox) 2>/dev/null | grep '=>'),,static)),,busybox-static) \
	$(if $(shell command -v tmux),,tmux) \
	$(if $(shell command -v shellcheck),,shellcheck) \
	$(if $(shell command -v groff),,groff-base) \
	$(if $(shell command -v dpkg-deb),,dpkg) \
	$(if $(shell command -v zsh),,zsh) \
	$(if $(wildcard /usr/bin/aws),,awscli) \
	$(if $(shell command -v fish),,fish) \
	$(if $(shell python3 -c 'import ensurepip; print(1)' 2>/dev/null),,python3-venv))

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo:  ## open the dashboard on a cloud that is not there
	cargo run --locked -- --demo

# With BINARY=FILE that program is packed, and none is built.
film:  ## make the moving picture of the README anew, from a real run of the demo (tmux)
	cargo build --locked
	python3 assets/demo/film.py target/debug/spot-tui assets/screens/demo.svg

dist:  ## make the tarball, the Debian package and their checksums in target/dist
ifndef BINARY
	cargo build --release --locked
endif
	packaging/dist.sh $(or $(BINARY),target/release/spot-tui) target/dist
	@cat target/dist/SHA256SUMS

test-package: dist  ## install the package in a fresh Debian root, and let the demo run there (as root)
	@command -v debootstrap >/dev/null || { \
		echo "missing; install with: apt-get install debootstrap" >&2; exit 1; }
	packaging/try-package.sh target/dist/*.deb target/package-root

test-image:  ## let the program run with what its container image has, and nothing else (as root)
ifndef BINARY
	cargo build --release --locked
endif
	packaging/try-image.sh $(or $(BINARY),target/release/spot-tui) target/image-root

prerequisites:  ## install the Debian packages that the tests need (as root), or name them
	@packages="$(missing)"; \
	if [ -z "$$packages" ]; then \
		exit 0; \
	elif [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		apt-get update && DEBIAN_FRONTEND=noninteractive \
			apt-get install --yes --no-install-recommends $$packages; \
	else \
		echo "missing; install with: sudo apt-get update && sudo apt-get install --yes $$packages" >&2; \
		exit 1; \
	fi

venv: prerequisites  ## make the Python environment of the tests, where it is missing
	@if [ -n "$$SPOT_TEST_PYTHON" ] || cmp -s tests/requirements.txt $(VENV)/requirements.txt; then \
		exit 0; \
	fi; \
	python3 -m venv $(VENV) \
		&& $(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt \
		&& cp tests/requirements.txt $(VENV)/requirements.txt
	@if cmp -s tests/requirements-awscrt.txt $(AWSCRT)/requirements.txt; then exit 0; fi; \
	rm -rf $(AWSCRT) \
		&& $${SPOT_TEST_PYTHON:-$(VENV)/bin/python} -m pip install --quiet --disable-pip-version-check --target $(AWSCRT) \
			--requirement tests/requirements-awscrt.txt \
		&& cp tests/requirements-awscrt.txt $(AWSCRT)/requirements.txt

hooks:  ## check format, lints and commit messages at each commit of this checkout
	git config core.hooksPath hooks

lint:  ## check format, lints and the documentation's links
	cargo fmt --check
	cargo clippy --locked --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --lib --document-private-items --quiet

test: prerequisites venv lint-root lint  ## format, lints and all tests: what CI runs
	@if cargo nextest --version >/dev/null 2>&1; then \
		echo "cargo nextest run --locked" && cargo nextest run --locked && cargo test --locked --doc; \
	else \
		echo "cargo test --locked" && cargo test --locked; \
	fi

lint-root: prerequisites  ## unpack systemd and cloud-init, for checks of units and user-data
	@[ -e target/lint-root ] || tests/machine/make-lint-root.sh "$(CURDIR)/target/lint-root"

ansible: prerequisites  ## make the Python environment with Ansible, where it is missing
	@cmp -s tests/requirements-bench.txt $(ANSIBLE)/requirements.txt || { \
		python3 -m venv $(ANSIBLE) \
		&& $(ANSIBLE)/bin/pip install --quiet --disable-pip-version-check --requirement tests/requirements-bench.txt \
		&& cp tests/requirements-bench.txt $(ANSIBLE)/requirements.txt; }

test-ansible: ansible venv  ## let Ansible in with the exported inventory
	cargo test --locked --test stories nodes::exports -- --include-ignored

bench-ssh: ansible  ## measure uploads to and pulls from 20 hosts next to tar, rsync, scp, bssh and Ansible
	@command -v rsync >/dev/null || { \
		echo "missing; install with: apt-get install rsync" >&2; exit 1; }
	@[ -x target/bssh/bin/bssh ] || cargo install bssh@2.2.3 --locked --root target/bssh
	cargo test --locked --release --test stories ssh::speed -- --ignored --nocapture

test-node: prerequisites venv  ## deploy onto a real, emulated machine and break it: an hour and more
	@command -v qemu-system-x86_64 debootstrap nats-server >/dev/null || { \
		echo "missing; install with: apt-get install qemu-system-x86 debootstrap nats-server" >&2; exit 1; }
	@[ -e target/machine/disk.img ] || tests/machine/make-disk.sh target/machine
	cargo test --locked --test stories machine:: -- --ignored --nocapture --test-threads 1

test-shells: prerequisites  ## log in to hosts whose users have zsh, tcsh and fish
	@[ -e target/shells ] || tests/ssh/make-shells.sh "$(CURDIR)/target/shells"
	cargo test --locked --test stories ssh::shells -- --include-ignored

check: test  ## test, and the licences and sources of all dependencies
	@cargo deny --version >/dev/null 2>&1 || \
		{ echo "missing; install with: cargo install cargo-deny --locked" >&2; exit 1; }
	cargo deny check bans licenses sources

# Not a part of `check`: without the database nothing was looked at, and that must not look like a pass.
advisories:  ## look for known vulnerabilities in the dependencies (fetches the RustSec database)
	@cargo deny --version >/dev/null 2>&1 || \
		{ echo "missing; install with: cargo install cargo-deny --locked" >&2; exit 1; }
	@cargo deny fetch db || { \
		echo "advisories: the RustSec database cannot be had here, so NOTHING was checked;" \
			"run this where https://github.com/RustSec/advisory-db can be reached" >&2; exit 1; }
	cargo deny check advisories
	@echo "advisories: russh publishes its own on https://github.com/Eugeny/russh/security/advisories; look there too"

bench:  ## measure the first frame, the idle load, a large demo cloud, and what weighing risk is worth
	cargo bench --locked --bench startup --bench demo --bench risk

bench-keep:  ## measure a keeper at rest, which holds 500 instances: some thirty-five minutes
	cargo bench --locked --bench keep

bench-memory:  ## measure the dashboard's memory under floods: some ten minutes
	cargo bench --locked --bench memory

monkey:  ## let random keys loose on the demo for 20 minutes, and see that nothing unmeant happens
	SPOT_MONKEY_MINUTES=20 cargo test --locked --lib monkey -- --nocapture

streams:  ## send 100,000 streams of what terminals send to the dashboard's loop: only keys get through
	SPOT_STREAMS=100000 cargo test --locked --lib nothing_but_its_keys -- --nocapture

sweep: prerequisites venv  ## kill the program 300 times, and let every call go wrong: does anything leak?
	cargo test --locked --test stories -- --ignored --nocapture sweep:: faults:: mutations:: histories:: stay::
