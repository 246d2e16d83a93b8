//! The project's chores, one subcommand each; run with `cargo xtask <command>`.
//!
//! Everything a person or a CI machine does to the tree goes through here, so that both do the same.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks through its output")]

mod checks;
mod codegen;
mod commands;
mod sqlx;
mod steps;
mod tools;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [ARGS]        house checks, doc tests, every test of the workspace, dashboards, deploy, chart; ARGS go to nextest
  lint               formatting, clippy, documentation, licenses and dependencies, proto files, house checks
  ci                 lint, then test
  chart              the tests of the Helm chart alone
  check              the house checks alone: purity, direction, module size, forbidden code, fresh generated code
  codegen [--check]  generate the wire types from proto/; with --check only compare
  sqlx [--check]     lint the migrations, check the queries, write .sqlx/; with --check only compare
  bench [ARGS]       the benchmarks; ARGS go to cargo bench
  bench-live [ARGS]  the live pipeline beside JetStream alone; ARGS are of: whole latency raw
  chaos [FAULTS]     the test of faults, made long (200)
  fuzz [TARGET|all [SECONDS]]  let libFuzzer search, so long a target (60 s)
  tools              install the pinned tools under .tools/ (test and lint do it on their own)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["test", rest @ ..] => commands::test(rest),
        ["lint"] => commands::lint(),
        ["ci"] => commands::ci(),
        ["chart"] => commands::chart(),
        ["check"] => commands::check(),
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["sqlx"] => sqlx::write(),
        ["sqlx", "--check"] => sqlx::check(),
        ["bench", rest @ ..] => commands::bench(rest),
        ["bench-live", rest @ ..] => commands::bench_live(rest),
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
