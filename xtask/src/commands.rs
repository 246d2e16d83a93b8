//! What each subcommand runs.

use anyhow::Result;
use std::fs;
use std::path::Path;

use crate::alone;
use crate::checks;
use crate::cost;
use crate::pages;
use crate::sqlx;
use crate::steps::{Steps, cargo, command, root, run};
use crate::tools::{self, tool};

/// Runs the house checks, the doc tests, every other Rust test, and the tests in Python and in a browser.
pub(crate) fn test(arguments: &[&str]) -> Result<()> {
    tools::install()?;
    let mut steps = Steps::default();
    steps.step("house checks", checks::run_all);
    steps.step("doc tests", || run(&mut cargo(&["test", "--quiet", "--workspace", "--doc"])));
    steps.step("tests", || {
        let nextest = &["nextest", "run", "--workspace"];
        run(command(tool("cargo-nextest"), nextest).args(arguments))
    });
    steps.step("dashboards and alerts", || python_tests("tests/dashboards"));
    steps.step("forms", || python_tests("tests/forms"));
    steps.step("deployment files", || python_tests("tests/deploy"));
    // These run the executables that the tests above have built.
    steps.step("api", || python_tests("tests/api"));
    pages::steps(&mut steps);
    steps.step("chart", || python_tests("tests/chart"));
    steps.finish()
}

/// Checks the tree without running its tests.
pub(crate) fn lint() -> Result<()> {
    tools::install()?;
    let mut steps = Steps::default();
    steps.step("formatting", || run(&mut cargo(&["fmt", "--all", "--check"])));
    steps.step("house checks", checks::run_all);
    steps.step("clippy", || run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])));
    steps.step("documentation", || {
        let doc = &["doc", "--workspace", "--no-deps", "--document-private-items"];
        run(cargo(doc).env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.step("licenses and dependencies", || {
        run(&mut command(tool("cargo-deny"), &["check", "bans", "licenses", "sources"]))
    });
    advisories(&mut steps);
    steps.step("unused dependencies", || run(&mut command(tool("cargo-shear"), &[])));
    alone::step(&mut steps);
    cost::step(&mut steps);
    steps.step("proto files", proto);
    steps.step("migrations and queries", sqlx::check);
    steps.finish()
}

/// Runs everything that a change must pass.
pub(crate) fn ci() -> Result<()> {
    let mut steps = Steps::default();
    steps.step("lint", lint);
    steps.step("test", || test(&[]));
    steps.finish()
}

/// Runs the house checks only.
pub(crate) fn check() -> Result<()> {
    let mut steps = Steps::default();
    steps.step("house checks", checks::run_all);
    steps.finish()
}

/// Runs the benchmarks of the two crates on the hot path.
pub(crate) fn bench(arguments: &[&str]) -> Result<()> {
    let bench = &["bench", "-p", "orgwatch", "-p", "orgwatch-profile", "--bench", "throughput", "--bench", "state"];
    run(cargo(bench).args(arguments))
}

/// Measures the answers of the API.
pub(crate) fn bench_api() -> Result<()> {
    run(&mut cargo(&["bench", "-p", "orgwatch-console", "--bench", "api"]))
}

/// Measures detection on simulated worlds and public sets.
pub(crate) fn quality(arguments: &[&str]) -> Result<()> {
    run(cargo(&["bench", "-p", "orgwatch", "--bench", "quality", "--"]).args(arguments))
}

/// Benchmarks the live pipeline with its own nats-server and Postgres.
pub(crate) fn bench_live(arguments: &[&str]) -> Result<()> {
    run(cargo(&["bench", "-p", "orgwatchd", "--bench", "live", "--"]).args(arguments))
}

/// Runs the test of kills, restarts and cut connections with this number of faults.
pub(crate) fn chaos(faults: &str) -> Result<()> {
    let test = &["test", "--release", "-p", "orgwatchd", "--test", "it", "faults", "--", "--nocapture"];
    run(cargo(test).env("CHAOS_FAULTS", faults))
}

/// Fuzzes one target of `fuzz/`, or all of them if `target` is `None`, for `seconds` each.
///
/// Starts from the seeds and `fuzz/corpus/`. New inputs go to `target/fuzz-found`, inputs that made a target fail to
/// `fuzz/artifacts/`.
pub(crate) fn fuzz(target: Option<&str>, seconds: &str) -> Result<()> {
    tools::install()?;
    let (found, seeds) = (root().join("target/fuzz-found"), root().join("target/fuzz-seeds"));
    run(cargo(&["run", "--quiet", "--package", "orgwatch-fuzz", "--example", "seeds", "--"]).arg(&seeds))?;
    let mut targets = names(&seeds)?;
    targets.retain(|name| target.is_none_or(|target| target == name));
    anyhow::ensure!(!targets.is_empty(), "no such target: {}", target.unwrap_or_default());
    let mut steps = Steps::default();
    for name in targets {
        // libFuzzer writes new inputs to the first folder.
        let folders = [found.join(&name), seeds.join(&name), root().join("fuzz/corpus").join(&name)];
        fs::create_dir_all(found.join(&name))?;
        // No sanitizer, so that a stable toolchain suffices: the code has no `unsafe`.
        let search = ["fuzz", "run", "--sanitizer", "none", "--features", "libfuzzer", &name];
        let limits = ["-max_len=65536", "-timeout=10", &format!("-max_total_time={seconds}")];
        let mut search = command(tool("cargo-fuzz"), &search);
        search.args(folders.iter().filter(|folder| folder.exists())).arg("--").args(limits);
        steps.step(&format!("fuzz {name}"), || run(&mut search));
    }
    steps.finish()
}

/// Checks for known vulnerabilities and yanked versions where their database can be fetched.
fn advisories(steps: &mut Steps) {
    let name = "security advisories";
    let deny = tool("cargo-deny");
    match run(&mut command(&deny, &["--log-level", "off", "fetch", "db"])) {
        Ok(()) => steps.step(name, || run(&mut command(&deny, &["check", "advisories"]))),
        Err(error) => steps.skip(name, &format!("the advisory database cannot be fetched ({error:#})")),
    }
}

/// Tests the API of `orgwatchd dev` against its own description.
pub(crate) fn api() -> Result<()> {
    tools::install()?;
    build_dev()?;
    python_tests("tests/api")
}

/// Drives the console's pages of `orgwatchd dev` in a browser.
pub(crate) fn pages() -> Result<()> {
    tools::install()?;
    build_dev()?;
    let mut steps = Steps::default();
    pages::steps(&mut steps);
    steps.finish()
}

/// Takes screenshots of the console's pages into a folder.
pub(crate) fn screenshots(folder: &str) -> Result<()> {
    tools::install()?;
    build_dev()?;
    pages::screenshots(folder)
}

/// Tests the Helm chart, and runs its commands as processes of this machine.
pub(crate) fn chart() -> Result<()> {
    tools::install()?;
    run(&mut cargo(&["build", "--quiet", "--package", "orgwatchd"]))?;
    python_tests("tests/chart")
}

/// Builds the executables that run `orgwatchd dev` over a simulated org.
fn build_dev() -> Result<()> {
    run(&mut cargo(&["build", "--quiet", "--package", "orgwatchd", "--package", "orgwatch"]))
}

/// The names of the entries of a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let mut names: Vec<String> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn python_tests(folder: &str) -> Result<()> {
    // -B: write no bytecode into the tree.
    run(&mut command(tool("python"), &["-B", "-m", "unittest", "discover", "--start-directory", folder]))
}

fn proto() -> Result<()> {
    let folder = root().join("proto");
    run(command(tool("buf"), &["lint"]).current_dir(&folder))?;
    run(command(tool("buf"), &["format", "--diff", "--exit-code"]).current_dir(&folder))?;
    // Running services send, and databases store, messages of the committed version.
    run(&mut command(tool("buf"), &["breaking", "proto", "--against", ".git#ref=HEAD,subdir=proto"]))
}
