//! Pure crates reach no runtime, server or clock, so that every behavior can be tested without one.

use super::graph::Graph;
use super::sources::Source;

/// Crates of functions alone: name of the package, folder under `crates/`.
const PURE: &[(&str, &str)] = &[
    ("orgwatch-model", "model"),
    ("orgwatch-salesforce", "salesforce"),
    ("orgwatch-profile", "profile"),
    ("orgwatch-detect", "detect"),
    ("orgwatch-risk", "risk"),
    ("orgwatch-settings", "settings"),
    ("orgwatch-engine", "engine"),
    ("orgwatch-simulator", "simulator"),
];

/// These may read files and clocks, yet must build in a minute and run without a server.
const IN_PROCESS: &[&str] = &["orgwatch-files", "orgwatch-view", "orgwatch"];

const SHELL_ONLY: &[&str] = &["tokio", "sqlx", "async-nats", "axum", "tonic"];
const SHELL_ONLY_PREFIX: &str = "opentelemetry";

const CLOCKS: &[&str] = &["SystemTime::now", "Instant::now", "Utc::now", "Local::now"];

/// Pure and in-process crates that reach a package of the shells, each with the way to it.
pub(super) fn dependencies(graph: &Graph) -> Vec<String> {
    let pure = PURE.iter().map(|(name, _)| *name);
    let mut violations = Vec::new();
    for name in pure.chain(IN_PROCESS.iter().copied()) {
        let reached = graph.reach(name);
        if reached.is_empty() {
            violations.push(format!("{name}: is to be kept pure, but there is no such crate"));
        }
        for chain in reached {
            if chain.last().is_some_and(|end| is_shell_only(end)) {
                violations.push(format!("{name}: must stay pure, but {}", chain.join(" -> ")));
            }
        }
    }
    violations
}

/// Lines of pure crates that ask for the time, which is always an argument there.
pub(super) fn clocks(sources: &[Source]) -> Vec<String> {
    let pure =
        |source: &&Source| PURE.iter().any(|(_, folder)| source.path.starts_with(&format!("crates/{folder}/src/")));
    let mut violations = Vec::new();
    for source in sources.iter().filter(pure) {
        for clock in CLOCKS {
            let places = source.find(clock);
            violations
                .extend(places.map(|place| format!("{place}: {clock} in a pure crate, where time is an argument")));
        }
    }
    violations
}

fn is_shell_only(package: &str) -> bool {
    SHELL_ONLY.contains(&package) || package.starts_with(SHELL_ONLY_PREFIX) || package.starts_with("sqlx-")
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::graph;
    use super::*;

    fn members() -> Vec<&'static str> {
        PURE.iter().map(|(name, _)| *name).chain(IN_PROCESS.iter().copied()).collect()
    }

    fn check(edges: &[&str], expect: &[&str]) {
        assert_eq!(dependencies(&graph(&members(), edges)), expect);
    }

    #[test]
    fn a_runtime_is_found_however_deep() {
        check(
            &["orgwatch-risk -> serde", "serde -> helper", "helper -> tokio"],
            &["orgwatch-risk: must stay pure, but orgwatch-risk -> serde -> helper -> tokio"],
        );
        check(&["orgwatch -> opentelemetry-otlp"], &["orgwatch: must stay pure, but orgwatch -> opentelemetry-otlp"]);
    }

    #[test]
    fn tests_and_other_crates_may_use_one() {
        check(&["orgwatch-risk -dev-> tokio", "orgwatchd -> tokio", "orgwatch -> tokio-free"], &[]);
    }

    #[test]
    fn a_pure_crate_that_is_gone_is_told() {
        let [first, rest @ ..] = &members()[..] else { panic!("no members") };
        assert_eq!(
            dependencies(&graph(rest, &[])),
            [format!("{first}: is to be kept pure, but there is no such crate")]
        );
    }

    #[test]
    fn clocks_are_found_in_the_code_of_pure_crates_alone() {
        let text = "// Utc::now in a comment\nlet now = Utc::now();\n";
        let expect = |path: &str, expect: &[&str]| {
            assert_eq!(clocks(&[Source::new(path, text)]), expect);
        };
        expect(
            "crates/profile/src/hour.rs",
            &["crates/profile/src/hour.rs:2: Utc::now in a pure crate, where time is an argument"],
        );
        expect("crates/profile/benches/learn.rs", &[]);
        expect("crates/orgwatch/src/main.rs", &[]);
    }
}
