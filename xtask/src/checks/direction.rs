//! Imports only point one way: a crate knows those before it in the list, never those after it.

use super::graph::Graph;

/// Every package of the workspace, from the words to the executables.
const ORDER: &[&str] = &[
    "orgwatch-model",
    "orgwatch-salesforce",
    "orgwatch-profile",
    "orgwatch-detect",
    "orgwatch-risk",
    "orgwatch-settings",
    "orgwatch-engine",
    "orgwatch-files",
    "orgwatch-view",
    "orgwatch-runtime",
    "orgwatch-salesforce-client",
    "orgwatch-bus",
    "orgwatch-store",
    "orgwatch-ingest",
    "orgwatch-salesforce-source",
    "orgwatch-baseline",
    "orgwatch-detector",
    "orgwatch-correlator",
    "orgwatch-notifier",
    "orgwatch-console",
    "orgwatch-simulator",
    "orgwatch-fake-org",
    "orgwatch",
    "orgwatch-servers",
    "orgwatchd",
    "orgwatch-fuzz",
    "xtask",
];

/// These know no other crate of the workspace: the simulator so that it cannot share an assumption
/// with what it is to test, the chores so that they build while the rest does not.
const ALONE: &[&str] = &["orgwatch-simulator", "xtask"];

/// Dependencies between crates of the workspace that point the wrong way. Tests may look anywhere.
pub(super) fn imports(graph: &Graph) -> Vec<String> {
    let mut violations = Vec::new();
    for from in graph.members() {
        let Some(own) = place(from) else {
            violations.push(format!("{from}: has no place in the order of crates; give it one in xtask"));
            continue;
        };
        for to in graph.direct(from) {
            let wrong = place(to).is_some_and(|other| other >= own || ALONE.contains(&from));
            if wrong {
                violations.push(format!("{from}: must not depend on {to}"));
            }
        }
    }
    violations
}

fn place(package: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == package)
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::graph;
    use super::*;

    fn check(edges: &[&str], expect: &[&str]) {
        assert_eq!(imports(&graph(ORDER, edges)), expect);
    }

    #[test]
    fn a_crate_knows_those_before_it() {
        check(&["orgwatch-detect -> orgwatch-model", "orgwatch -> orgwatch-simulator"], &[]);
        check(&["orgwatch-model -> orgwatch-risk"], &["orgwatch-model: must not depend on orgwatch-risk"]);
    }

    #[test]
    fn tests_may_look_anywhere_and_build_scripts_may_not() {
        check(&["orgwatch-engine -dev-> orgwatch-simulator"], &[]);
        check(
            &["orgwatch-engine -build-> orgwatch-simulator"],
            &["orgwatch-engine: must not depend on orgwatch-simulator"],
        );
    }

    #[test]
    fn the_simulator_knows_no_other_crate() {
        check(
            &["orgwatch-simulator -> orgwatch-model", "orgwatch-simulator -> rand"],
            &["orgwatch-simulator: must not depend on orgwatch-model"],
        );
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        assert_eq!(
            imports(&graph(&["orgwatch-new"], &[])),
            ["orgwatch-new: has no place in the order of crates; give it one in xtask"]
        );
    }
}
