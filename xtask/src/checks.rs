//! The house checks: rules of this tree that no compiler knows.
//!
//! Each rule is a pure function from what was read to the violations found; this file does the reading.

mod direction;
mod graph;
mod purity;
mod sources;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::codegen;
use crate::steps::{cargo, output, root};
use graph::Graph;
use sources::Source;

/// Runs every house check; an error that lists all violations, one a line.
pub(crate) fn run_all() -> Result<()> {
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1"]))?;
    let graph = Graph::parse(&metadata).context("cannot read `cargo metadata`")?;
    let sources = read_sources()?;

    let mut violations = purity::dependencies(&graph);
    violations.extend(purity::clocks(&sources));
    violations.extend(direction::imports(&graph));
    violations.extend(sources::lengths(&sources));
    violations.extend(sources::forbidden(&sources));
    if let Err(error) = codegen::check() {
        violations.push(format!("{error:#}"));
    }
    if !violations.is_empty() {
        bail!("{}\nhouse rules broken: {}", violations.join("\n"), violations.len());
    }
    println!("{} crates and {} files keep the house rules", graph.members().count(), sources.len());
    Ok(())
}

/// Every handwritten `.rs` file of the tree, sorted by path.
fn read_sources() -> Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(root(), &mut found)?;
    found.sort_by(|a: &Source, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<Source>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && name != "target" {
            walk(&path, found)?;
        } else if kind.is_file() && name.ends_with(".rs") {
            let relative = path.strip_prefix(root())?.to_string_lossy().into_owned();
            if codegen::PACKAGES.iter().all(|package| relative != package.output) {
                let text = fs::read_to_string(&path).with_context(|| format!("cannot read {relative}"))?;
                found.push(Source { path: relative, text });
            }
        }
    }
    Ok(())
}
