//! The house checks: rules of this tree that the compiler does not know.
//!
//! Each rule is a pure function from the files and the dependency graph to violations; this module reads both.

pub(crate) mod graph;
mod layers;
mod purity;
mod text;
mod words;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::codegen;
use crate::steps::root;
use graph::Graph;
use text::TextFile;
use words::Ceilings;

/// Extensions of the files that the checks read.
const EXTENSIONS: &[&str] = &["rs", "md", "toml", "proto"];

/// Runs every house check; the error lists all violations, one per line.
pub(crate) fn run_all() -> Result<()> {
    let graph = Graph::of_workspace(&[])?;
    let files = read_files()?;

    let mut violations = layers::imports(&graph);
    violations.extend(layers::shipped(&Graph::of_workspace(&["--no-default-features"])?));
    violations.extend(purity::dependencies(&graph));
    violations.extend(purity::clocks(&files));
    violations.extend(text::lengths(&files));
    violations.extend(text::forbidden(&files));
    violations.extend(read_ceilings()?.check(&files));
    if let Err(error) = codegen::check() {
        violations.push(format!("{error:#}"));
    }
    if !violations.is_empty() {
        bail!("{}\nhouse rules broken: {}", violations.join("\n"), violations.len());
    }
    println!("{} crates and {} files keep the house rules", graph.members().count(), files.len());
    Ok(())
}

/// Lowers the ceilings of the words to their current counts.
pub(crate) fn lower_ceilings() -> Result<()> {
    let mut ceilings = read_ceilings()?;
    ceilings.lower(&read_files()?);
    fs::write(root().join(words::FILE), ceilings.to_text()).with_context(|| format!("cannot write {}", words::FILE))
}

fn read_ceilings() -> Result<Ceilings> {
    let text = fs::read_to_string(root().join(words::FILE)).with_context(|| format!("cannot read {}", words::FILE))?;
    Ceilings::parse(&text)
}

/// Reads every handwritten file with one of [`EXTENSIONS`], sorted by path.
fn read_files() -> Result<Vec<TextFile>> {
    let mut found = Vec::new();
    walk(root(), &mut found)?;
    found.sort_by(|a: &TextFile, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<TextFile>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && name != "target" {
            walk(&path, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|own| EXTENSIONS.iter().any(|known| own == *known)) {
            let relative = path.strip_prefix(root())?.to_string_lossy().into_owned();
            if codegen::PACKAGES.iter().all(|package| relative != package.output) {
                let text = fs::read_to_string(&path).with_context(|| format!("cannot read {relative}"))?;
                found.push(TextFile { path: relative, text });
            }
        }
    }
    Ok(())
}
