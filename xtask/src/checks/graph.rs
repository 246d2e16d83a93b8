//! The dependency graph of `cargo metadata`, reduced to what the rules need.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::steps::{cargo, output};

/// The dependencies between packages, by package id, for all platforms and with the enabled features.
#[derive(Debug)]
pub(crate) struct Graph {
    names: BTreeMap<String, String>,
    manifests: BTreeMap<String, PathBuf>,
    members: Vec<String>,
    edges: BTreeMap<String, Vec<Edge>>,
}

#[derive(Debug)]
struct Edge {
    to: String,
    kinds: Vec<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Build,
    Dev,
}

impl Graph {
    /// Runs `cargo metadata` with further arguments.
    pub(crate) fn of_workspace(arguments: &[&str]) -> Result<Graph> {
        let metadata = output(cargo(&["metadata", "--format-version", "1"]).args(arguments))?;
        Graph::parse(&metadata).context("cannot read `cargo metadata`")
    }

    /// Parses the output of `cargo metadata --format-version 1`.
    pub(crate) fn parse(metadata: &[u8]) -> Result<Graph> {
        let metadata: Metadata = serde_json::from_slice(metadata)?;
        let names = metadata.packages.iter().map(|package| (package.id.clone(), package.name.clone())).collect();
        let manifests = metadata.packages.into_iter().map(|package| (package.id, package.manifest_path)).collect();
        let edges = metadata.resolve.nodes.into_iter().map(|node| {
            let edges = node
                .deps
                .into_iter()
                .map(|dep| Edge { to: dep.pkg, kinds: dep.dep_kinds.iter().map(DepKind::kind).collect() });
            (node.id, edges.collect())
        });
        Ok(Graph { names, manifests, members: metadata.workspace_members, edges: edges.collect() })
    }

    /// The names of the packages of this workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter_map(|id| self.names.get(id)).map(String::as_str)
    }

    /// The packages of this workspace with the absolute paths of their folders.
    pub(crate) fn folders(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.members.iter().filter_map(|id| Some((self.names.get(id)?.as_str(), self.manifests.get(id)?.parent()?)))
    }

    /// The packages that the member `name` depends on directly, without its dev-dependencies.
    pub(crate) fn direct(&self, name: &str) -> Vec<&str> {
        let Some(id) = self.member(name) else { return Vec::new() };
        let edges = self.edges.get(id).into_iter().flatten();
        let shipped = edges.filter(|edge| edge.kinds.iter().any(|kind| *kind != Kind::Dev));
        shipped.filter_map(|edge| self.names.get(&edge.to)).map(String::as_str).collect()
    }

    /// The shortest chain of normal dependencies from the member `name` to each package that it reaches; each chain
    /// starts with `name`. Empty if there is no such member.
    pub(crate) fn reach(&self, name: &str) -> Vec<Vec<&str>> {
        let Some(start) = self.member(name) else { return Vec::new() };
        let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(start, None)]);
        let mut queue = VecDeque::from([start]);
        while let Some(id) = queue.pop_front() {
            for edge in self.edges.get(id).into_iter().flatten() {
                if edge.kinds.contains(&Kind::Normal) && !came_from.contains_key(edge.to.as_str()) {
                    came_from.insert(&edge.to, Some(id));
                    queue.push_back(&edge.to);
                }
            }
        }
        came_from.keys().map(|id| self.chain(&came_from, id)).collect()
    }

    fn chain<'a>(&'a self, came_from: &BTreeMap<&'a str, Option<&'a str>>, end: &'a str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut next = Some(end);
        while let Some(id) = next {
            chain.extend(self.names.get(id).map(String::as_str));
            next = came_from.get(id).copied().flatten();
        }
        chain.reverse();
        chain
    }

    fn member(&self, name: &str) -> Option<&str> {
        let named = |id: &&String| self.names.get(*id).is_some_and(|found| found == name);
        self.members.iter().find(named).map(String::as_str)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dep>,
}

#[derive(Deserialize)]
struct Dep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

impl DepKind {
    fn kind(&self) -> Kind {
        match self.kind.as_deref() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(id: &str, name: &str) -> Value {
        json!({"id": id, "name": name, "manifest_path": format!("/tree/{name}/Cargo.toml")})
    }

    /// A workspace of `members`, with edges written `from -> to`, `from -dev-> to` or `from -build-> to`.
    pub(crate) fn graph(members: &[&str], edges: &[&str]) -> Graph {
        let mut deps: BTreeMap<&str, Vec<Value>> = members.iter().map(|m| (*m, vec![])).collect();
        for edge in edges {
            let (from, rest) = edge.split_once(" -").unwrap();
            let (kind, to) = rest.split_once("> ").unwrap();
            let kind = match kind.trim_end_matches('-') {
                "" => Value::Null,
                named => json!(named),
            };
            deps.entry(to).or_default();
            let dep = json!({"name": to, "pkg": to, "dep_kinds": [{"kind": kind, "target": null}]});
            deps.entry(from).or_default().push(dep);
        }
        let metadata = json!({
            "packages": deps.keys().map(|id| package(id, id)).collect::<Vec<_>>(),
            "workspace_members": members,
            "resolve": {
                "nodes": deps.iter().map(|(id, deps)| json!({"id": id, "deps": deps})).collect::<Vec<_>>(),
                "root": null,
            },
        });
        Graph::parse(metadata.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn reach_returns_chains_of_normal_dependencies() {
        let graph = graph(&["a"], &["a -> b", "b -> c", "a -dev-> d", "a -build-> e"]);
        assert_eq!(graph.reach("a"), [vec!["a"], vec!["a", "b"], vec!["a", "b", "c"]]);
    }

    #[test]
    fn a_dependency_of_two_kinds_counts_as_both() {
        let metadata = json!({
            "packages": [package("1", "a"), package("2", "b")],
            "workspace_members": ["1"],
            "resolve": {"nodes": [
                {"id": "1", "deps": [{"pkg": "2", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}]},
            ]},
        });
        let graph = Graph::parse(metadata.to_string().as_bytes()).unwrap();
        assert_eq!(graph.reach("a"), [vec!["a"], vec!["a", "b"]]);
        assert_eq!(graph.direct("a"), ["b"]);
    }

    #[test]
    fn direct_leaves_out_dev_dependencies() {
        let graph = graph(&["a"], &["a -> b", "a -dev-> d", "a -build-> e", "b -> c"]);
        assert_eq!(graph.direct("a"), ["b", "e"]);
    }

    #[test]
    fn folders_are_those_of_the_manifests() {
        let graph = graph(&["a"], &["a -> b"]);
        assert_eq!(graph.folders().collect::<Vec<_>>(), [("a", Path::new("/tree/a"))]);
    }

    #[test]
    fn only_members_are_found_by_name() {
        let graph = graph(&["a"], &["a -> b", "b -> c"]);
        assert_eq!(graph.members().collect::<Vec<_>>(), ["a"]);
        assert!(graph.reach("b").is_empty());
    }
}
