//! Pure crates reach no runtime, server or clock, so that every behavior can be tested without one.

use super::graph::Graph;
use super::layers::{self, Access};
use super::text::TextFile;

/// Packages that only the layers with [`Access::Any`] may reach.
const SERVER_PACKAGES: &[&str] = &["tokio", "sqlx", "async-nats", "axum", "tonic"];
/// The start of the names of further such packages.
const SERVER_PREFIXES: &[&str] = &["opentelemetry", "sqlx-"];

const CLOCKS: &[&str] = &["SystemTime::now", "Instant::now", "Utc::now", "Local::now"];

/// Reports crates without [`Access::Any`] that reach a package for servers, each with the shortest chain to it.
pub(super) fn dependencies(graph: &Graph) -> Vec<String> {
    let mut violations = Vec::new();
    let restricted: Vec<&str> = layers::crates_with(Access::Pure).chain(layers::crates_with(Access::Files)).collect();
    for package in graph.members().filter(|package| restricted.contains(&layers::folder(package))) {
        for chain in graph.reach(package) {
            if chain.last().is_some_and(|end| is_for_servers(end)) {
                violations.push(format!("{package}: must reach no server, but {}", chain.join(" -> ")));
            }
        }
    }
    violations
}

/// Reports lines of pure crates that read a clock.
pub(super) fn clocks(files: &[TextFile]) -> Vec<String> {
    let pure: Vec<String> = layers::crates_with(Access::Pure).map(|folder| format!("crates/{folder}/src/")).collect();
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| pure.iter().any(|folder| file.path.starts_with(folder))) {
        for clock in CLOCKS {
            let places = file.find(clock);
            violations
                .extend(places.map(|place| format!("{place}: {clock} in a pure crate, where time is an argument")));
        }
    }
    violations
}

fn is_for_servers(package: &str) -> bool {
    SERVER_PACKAGES.contains(&package) || SERVER_PREFIXES.iter().any(|prefix| package.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::graph;
    use super::*;

    fn check(edges: &[&str], expect: &[&str]) {
        assert_eq!(dependencies(&graph(&["orgwatch-risk", "orgwatch", "orgwatchd"], edges)), expect);
    }

    #[test]
    fn a_runtime_is_found_through_other_packages() {
        check(
            &["orgwatch-risk -> serde", "serde -> helper", "helper -> tokio"],
            &["orgwatch-risk: must reach no server, but orgwatch-risk -> serde -> helper -> tokio"],
        );
        check(
            &["orgwatch -> opentelemetry-otlp"],
            &["orgwatch: must reach no server, but orgwatch -> opentelemetry-otlp"],
        );
    }

    #[test]
    fn tests_and_services_may_use_a_runtime() {
        check(&["orgwatch-risk -dev-> tokio", "orgwatchd -> tokio", "orgwatch -> tokio-free"], &[]);
    }

    #[test]
    fn clocks_are_found_in_the_code_of_pure_crates_alone() {
        let text = "// Utc::now in a comment\nlet now = Utc::now();\n";
        let expect = |path: &str, expect: &[&str]| {
            assert_eq!(clocks(&[TextFile::new(path, text)]), expect);
        };
        expect(
            "crates/profile/src/hour.rs",
            &["crates/profile/src/hour.rs:2: Utc::now in a pure crate, where time is an argument"],
        );
        expect("crates/profile/benches/learn.rs", &[]);
        expect("crates/orgwatch/src/main.rs", &[]);
    }
}
