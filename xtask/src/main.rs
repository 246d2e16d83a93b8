//! Builds, checks and tests the project, one subcommand each; run with `cargo xtask <command>`.
//!
//! People and CI machines both use these commands, so that they run the same steps.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool writes to its output")]

mod alone;
mod checks;
mod codegen;
mod commands;
mod cost;
mod pages;
mod sqlx;
mod steps;
mod tools;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [ARGS]        house checks, doc tests, all Rust tests, dashboards, forms, deployment files, API, pages, chart;
                     ARGS go to nextest
  lint               formatting, house checks, clippy, documentation, dependencies, changed crates alone, cost, proto
                     files, migrations and queries
  ci                 lint, then test
  api                the tests of the API against its own description
  pages              the types of the pages' scripts, and the console's pages driven in a browser
  screenshots DIR    the console's pages in three widths, light and dark, as files of DIR
  chart              the tests of the Helm chart
  check [--write]    the house checks: layers, purity, module length, forbidden code, words, fresh generated code;
                     with --write also lower the ceilings in xtask/words.toml
  cost [--write]     compare instructions per event with xtask/cost.toml; with --write measure and record them
  codegen [--check]  generate the wire types from proto/; with --check only compare
  sqlx [--check]     lint the migrations, check the queries, write .sqlx/; with --check only compare
  bench [ARGS]       the benchmarks; ARGS go to cargo bench
  bench-api          how long the answers of the API take over a large database
  bench-live [ARGS]  the live pipeline next to JetStream without it; ARGS: whole, latency, raw
  quality [ARGS]     detection on simulated worlds and public sets; quality --help lists ARGS
  chaos [FAULTS]     the test of faults with this number of them (default 200)
  fuzz [TARGET|all [SECONDS]]  fuzz with libFuzzer, for so long per target (default 60 s)
  tools              install the pinned tools under .tools/ (test and lint do so too)
";

const QUALITY: &str = "\
usage: cargo xtask quality [PARTS] [--sets FOLDER]

Prints how well orgwatch detects, as tables, and the time it took: all of it takes less than 20 minutes on two cores.
docs/quality.md says what the figures mean.

  learn, choose, report  simulated worlds: to fit settings on, to choose by, and to report
  cold                   new orgs without attacks: false incidents by week
  sets                   the public sets of FOLDER: handbook-*.csv.xz, masquerade.txt.xz and masquerade-labels.csv
  fit                    weights that find more on the worlds of learn; only if named

Without PARTS: all of them, the public sets if there is a FOLDER.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["test", rest @ ..] => commands::test(rest),
        ["lint"] => commands::lint(),
        ["ci"] => commands::ci(),
        ["api"] => commands::api(),
        ["pages"] => commands::pages(),
        ["screenshots", folder] => commands::screenshots(folder),
        ["chart"] => commands::chart(),
        ["check"] => commands::check(),
        ["check", "--write"] => checks::lower_ceilings().and_then(|()| commands::check()),
        ["cost"] => cost::check(),
        ["cost", "--write"] => cost::write(),
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["sqlx"] => sqlx::write(),
        ["sqlx", "--check"] => sqlx::check(),
        ["bench", rest @ ..] => commands::bench(rest),
        ["bench-api"] => commands::bench_api(),
        ["bench-live", rest @ ..] => commands::bench_live(rest),
        ["quality", "help" | "--help" | "-h"] => {
            print!("{QUALITY}");
            return ExitCode::SUCCESS;
        }
        ["quality", rest @ ..] => commands::quality(rest),
        ["chaos"] => commands::chaos("200"),
        ["chaos", faults] => commands::chaos(faults),
        ["fuzz"] | ["fuzz", "all"] => commands::fuzz(None, "60"),
        ["fuzz", "all", seconds] => commands::fuzz(None, seconds),
        ["fuzz", target] => commands::fuzz(Some(target), "60"),
        ["fuzz", target, seconds] => commands::fuzz(Some(target), seconds),
        ["tools"] => tools::install(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
