# The program and nothing else: no shell, no package manager, no root.
#
#   docker build --tag spot-tui .
#   docker run --rm -it spot-tui --demo
#   docker run --rm -it -v "$PWD:/fleet" -v "$HOME/.aws:/home/nonroot/.aws" \
#       -e AWS_PROFILE --user "$(id -u):$(id -g)" -e HOME=/home/nonroot spot-tui
#
# `spot-tui ssh` and the key `t` start OpenSSH's client, which is not in it.
FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev make
WORKDIR /build
COPY Cargo.toml Cargo.lock rust-toolchain.toml config.yaml.example ./
COPY .cargo .cargo
COPY assets assets
COPY deployment-files deployment-files
COPY instance instance
COPY src src
# What the manifest names and no release needs.
RUN mkdir -p tests benches && touch tests/main.rs benches/startup.rs benches/demo.rs benches/keep.rs benches/memory.rs benches/risk.rs
RUN cargo build --release --locked

# Debian's C library and the authorities of the internet; its user has the number 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/spot-tui /usr/bin/spot-tui
USER nonroot
WORKDIR /fleet
ENV LANG=C.UTF-8
ENTRYPOINT ["/usr/bin/spot-tui"]
