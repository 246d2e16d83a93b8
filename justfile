# Names for the commands of `cargo xtask`, which does the work: `just` is optional.

# list the recipes
default:
    @just --list --unsorted

# house checks, doc tests, all Rust tests, dashboards, deployment files, API, pages, chart
test *args:
    cargo xtask test {{args}}

# formatting, house checks, clippy, documentation, dependencies, cost, proto files, queries
lint:
    cargo xtask lint

# the house checks; with --write also lower the ceilings of words
check *args:
    cargo xtask check {{args}}

# instructions per event against xtask/cost.toml; with --write record them
cost *args:
    cargo xtask cost {{args}}

# the benchmarks
bench *args:
    cargo xtask bench {{args}}

# how long the answers of the API take over a large database
bench-api:
    cargo xtask bench-api

# events per second and latency of the live pipeline, next to JetStream without it
bench-live *args:
    cargo xtask bench-live {{args}}

# kills, restarts and cut connections while events flow
chaos faults="200":
    cargo xtask chaos {{faults}}

# the tests of the API against its own description
api:
    cargo xtask api

# the console's pages, driven in a browser
pages:
    cargo xtask pages

# the console's pages in three widths, light and dark, as files of a folder
screenshots folder:
    cargo xtask screenshots {{folder}}

# the tests of the Helm chart
chart:
    cargo xtask chart

# fuzz with libFuzzer: records stream body wire state config, or all
fuzz target="all" seconds="600":
    cargo xtask fuzz {{target}} {{seconds}}

# simulate an org with an attacker, and report on it
demo:
    cargo run --release -- demo

# the same live: all services, and a fake Salesforce that serves the org
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
