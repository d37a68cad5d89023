# What we run often. `just` without arguments lists the recipes.

default:
    @just --list

# The house on this machine, with simulated Proxmox clusters.
demo:
    cargo run -- demo

# Everything that must be green before a commit is shared.
check: fmt clippy test deny

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# All tests, on SQLite and PostgreSQL. Takes the runner's arguments: `just test crash`.
test *ARGS:
    scripts/test {{ ARGS }}

deny:
    cargo deny check licenses bans sources

# Rewrite what is generated from the code: the OpenAPI document.
generate:
    UPDATE=1 cargo nextest run -p innkeeper-api openapi

# Figures, on both databases: `just bench start memory` takes some; with `--write` they go into bench/README.md.
bench *ARGS:
    cargo bench -p innkeeper --bench house -- {{ ARGS }}
