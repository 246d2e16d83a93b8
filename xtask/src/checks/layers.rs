//! The layers of the workspace: which crate may import which, and what a layer may reach outside the workspace.

use super::graph::Graph;

/// One row of [`LAYERS`].
struct Layer {
    /// Shown in messages.
    name: &'static str,
    access: Access,
    /// In order: a crate may import those before it. A folder name under `crates/`, or `fuzz` or `xtask`.
    crates: &'static [&'static str],
}

/// What the crates of a layer may reach beyond the workspace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// No async runtime, database, message bus, server or telemetry, and no clock: time is an argument.
    Pure,
    /// As [`Access::Pure`], but files and clocks are allowed.
    Files,
    /// No limits.
    Any,
}

/// Every crate of the workspace, lowest layer first. A crate imports only crates before it in this list.
///
/// A row may name crates that do not exist yet; a crate that no row names breaks the rule.
const LAYERS: &[Layer] = &[
    Layer {
        name: "pure",
        access: Access::Pure,
        crates: &[
            "model",
            "salesforce",
            "profile",
            "forecast",
            "detect",
            "risk",
            "forms",
            "settings",
            "engine",
            "simulator",
        ],
    },
    Layer { name: "files", access: Access::Files, crates: &["files"] },
    Layer { name: "view", access: Access::Pure, crates: &["view"] },
    Layer { name: "shells", access: Access::Any, crates: &["runtime", "bus", "store", "salesforce-client"] },
    Layer {
        name: "services",
        access: Access::Any,
        crates: &["ingest", "salesforce-source", "baseline", "detector", "correlator", "notifier", "console"],
    },
    Layer { name: TESTS, access: Access::Any, crates: &["fake-org", "servers"] },
    Layer { name: "analyst's executable", access: Access::Files, crates: &["orgwatch"] },
    Layer { name: "operator's executable", access: Access::Any, crates: &[OPERATORS] },
    Layer { name: "development", access: Access::Any, crates: &["fuzz", "xtask"] },
];

/// The layer that only tests and development use.
const TESTS: &str = "tests";

/// The only shipped executable that may link the layer of tests, through its feature `dev`.
const OPERATORS: &str = "orgwatchd";

/// These import no other crate of the workspace: `simulator` so that it shares no assumption with the code that it
/// tests, `xtask` so that it builds while the rest does not.
const ISOLATED: &[&str] = &["simulator", "xtask"];

/// What [`OPERATORS`] must not link without its default features.
const DEVELOPMENT_ONLY: &[&str] = &["fake-org", "servers", "simulator"];

/// The crates with this access, as folder names.
pub(super) fn crates_with(access: Access) -> impl Iterator<Item = &'static str> {
    LAYERS.iter().filter(move |layer| layer.access == access).flat_map(|layer| layer.crates).copied()
}

/// Returns the folder name of a package of the workspace.
pub(super) fn folder(package: &str) -> &str {
    package.strip_prefix("orgwatch-").unwrap_or(package)
}

/// Reports crates without a layer and imports that point to a later crate. Dev-dependencies are free.
pub(super) fn imports(graph: &Graph) -> Vec<String> {
    let mut violations = Vec::new();
    for package in graph.members() {
        let from = folder(package);
        let Some((position, layer)) = position(from) else {
            violations.push(format!("{package}: is in no layer; add it to LAYERS in xtask/src/checks/layers.rs"));
            continue;
        };
        for to in graph.direct(package).into_iter().map(folder) {
            let Some((imported, imported_layer)) = self::position(to) else { continue };
            if ISOLATED.contains(&from) {
                violations.push(format!("{from}: must not depend on {to}, nor on any other crate of the workspace"));
            } else if imported >= position {
                let (own, other) = (layer.name, imported_layer.name);
                violations
                    .push(format!("{from} ({own}): must not depend on {to} ({other}), which comes later in LAYERS"));
            } else if imported_layer.name == TESTS && is_shipped(layer) && from != OPERATORS {
                violations.push(format!("{from}: must not depend on {to}, which is for tests and development"));
            }
        }
    }
    violations
}

/// Reports crates for tests and development that the operator's executable links without its default features.
///
/// `graph` must come from `cargo metadata --no-default-features`.
pub(super) fn shipped(graph: &Graph) -> Vec<String> {
    let reached = graph.reach(OPERATORS);
    let linked = reached.iter().filter(|chain| chain.last().is_some_and(|end| DEVELOPMENT_ONLY.contains(&folder(end))));
    linked
        .map(|chain| format!("{OPERATORS}: must not link this with --no-default-features: {}", chain.join(" -> ")))
        .collect()
}

fn is_shipped(layer: &Layer) -> bool {
    layer.name != TESTS && layer.name != "development"
}

/// The rank of a crate in [`LAYERS`], counted over all rows, and its layer.
fn position(folder: &str) -> Option<(usize, &'static Layer)> {
    let crates = LAYERS.iter().flat_map(|layer| layer.crates.iter().map(move |name| (name, layer)));
    crates.enumerate().find(|(_, (name, _))| **name == folder).map(|(rank, (_, layer))| (rank, layer))
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::graph;
    use super::*;

    fn check(edges: &[&str], expect: &[&str]) {
        let members = LAYERS.iter().flat_map(|layer| layer.crates).map(|folder| match *folder {
            alone @ ("orgwatch" | "orgwatchd" | "xtask") => alone.to_owned(),
            folder => format!("orgwatch-{folder}"),
        });
        let members: Vec<String> = members.collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        assert_eq!(imports(&graph(&members, edges)), expect);
    }

    #[test]
    fn imports_point_to_earlier_crates() {
        check(&["orgwatch-detect -> orgwatch-model", "orgwatch -> orgwatch-simulator"], &[]);
        check(
            &["orgwatch-model -> orgwatch-risk"],
            &["model (pure): must not depend on risk (pure), which comes later in LAYERS"],
        );
        check(
            &["orgwatch-engine -> orgwatch-files"],
            &["engine (pure): must not depend on files (files), which comes later in LAYERS"],
        );
    }

    #[test]
    fn dev_dependencies_are_free_and_build_dependencies_are_not() {
        check(&["orgwatch-engine -dev-> orgwatch-store"], &[]);
        check(
            &["orgwatch-files -build-> orgwatch-view"],
            &["files (files): must not depend on view (view), which comes later in LAYERS"],
        );
    }

    #[test]
    fn the_simulator_imports_no_other_crate() {
        check(
            &["orgwatch-simulator -> orgwatch-model", "orgwatch-simulator -> rand"],
            &["simulator: must not depend on model, nor on any other crate of the workspace"],
        );
    }

    #[test]
    fn only_the_operators_executable_may_link_crates_for_tests() {
        check(&["orgwatchd -> orgwatch-servers", "orgwatch-fuzz -> orgwatch-fake-org"], &[]);
        check(
            &["orgwatch -> orgwatch-servers"],
            &["orgwatch: must not depend on servers, which is for tests and development"],
        );
    }

    #[test]
    fn the_shipped_executable_links_no_crate_for_tests() {
        let check = |edges: &[&str], expect: &[&str]| {
            assert_eq!(shipped(&graph(&["orgwatchd", "orgwatch-ingest"], edges)), expect);
        };
        check(&["orgwatchd -> orgwatch-ingest", "orgwatchd -dev-> orgwatch-servers"], &[]);
        check(
            &["orgwatchd -> orgwatch-ingest", "orgwatch-ingest -> orgwatch-fake-org"],
            &["orgwatchd: must not link this with --no-default-features: orgwatchd -> orgwatch-ingest -> \
               orgwatch-fake-org"],
        );
    }

    #[test]
    fn a_crate_without_a_layer_is_reported() {
        assert_eq!(
            imports(&graph(&["orgwatch-new"], &[])),
            ["orgwatch-new: is in no layer; add it to LAYERS in xtask/src/checks/layers.rs"]
        );
    }
}
