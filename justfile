# Names for the chores. `cargo xtask` does the work, so `just` is a convenience and never needed.

# what there is
default:
    @just --list --unsorted

# house checks, doc tests, every test of the workspace, dashboards, chart
test *args:
    cargo xtask test {{args}}

# formatting, clippy, documentation, licenses, proto files and house checks
lint:
    cargo xtask lint

# the house checks alone
check:
    cargo xtask check

# the benchmarks
bench *args:
    cargo xtask bench {{args}}

# events a second of the live pipeline, beside JetStream alone, and how long an event takes
bench-live *args:
    cargo xtask bench-live {{args}}

# kills, restarts and cuts while events flow, so many of them
chaos faults="200":
    cargo xtask chaos {{faults}}

# the Helm chart alone
chart:
    cargo xtask chart

# let libFuzzer search: records stream body wire state config, or all
fuzz target="all" seconds="600":
    cargo xtask fuzz {{target}} {{seconds}}

# a simulated org with an attacker in it, and what orgwatch says of it
demo:
    cargo run --release -- demo

# the same live: all services, and the org served by a fake Salesforce
dev *args:
    cargo run --release -p orgwatchd -- dev --salesforce {{args}}

# format everything
fmt:
    cargo fmt --all

# generate the wire types from proto/
codegen:
    cargo xtask codegen

# lint the migrations, check the queries, write .sqlx/
sqlx:
    cargo xtask sqlx

# install the pinned tools under .tools/
tools:
    cargo xtask tools
