//! Each changed crate builds alone, so that a feature which another crate of the workspace turns on hides nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::checks::graph::Graph;
use crate::steps::{Steps, cargo, command, output, root, run};

/// Where changes begin, if this branch exists: at the merge base with it. Otherwise at the last commit but one.
const UPSTREAM: &str = "origin/main";

/// The image has this package without its default features.
const SHIPPED_WITHOUT_FEATURES: &str = "orgwatchd";

/// Checks each crate with changed files by itself, without its tests; skipped where no earlier commit is known.
pub(crate) fn step(steps: &mut Steps) {
    let name = "changed crates alone";
    match base() {
        Some(base) => steps.step(name, || check(&base)),
        None => steps.skip(name, "there is no earlier commit to compare with"),
    }
}

fn check(base: &str) -> Result<()> {
    let graph = Graph::of_workspace(&[])?;
    let changed = changed(&paths(base)?, graph.folders());
    println!("{} crates changed since {base}", changed.len());
    for package in changed {
        run(&mut cargo(&["check", "--quiet", "--package", &package]))?;
        if package == SHIPPED_WITHOUT_FEATURES {
            run(&mut cargo(&["check", "--quiet", "--package", &package, "--no-default-features"]))?;
        }
    }
    Ok(())
}

/// The commit where the changes begin; none in a clone without history.
fn base() -> Option<String> {
    let commit = |arguments: &[&str]| {
        let written = output(&mut command("git", arguments)).ok()?;
        Some(String::from_utf8_lossy(&written).trim().to_owned()).filter(|commit| !commit.is_empty())
    };
    let head = commit(&["rev-parse", "HEAD"])?;
    let upstream = commit(&["for-each-ref", "--format=%(objectname)", &format!("refs/remotes/{UPSTREAM}")]);
    let shared = upstream.and_then(|upstream| commit(&["merge-base", "HEAD", &upstream]));
    // On the upstream branch itself the last commit is the change.
    shared.filter(|shared| *shared != head).or_else(|| commit(&["rev-parse", "--verify", "--quiet", "HEAD~1"]))
}

/// Changed, added and deleted files since `base`, also those not committed yet.
fn paths(base: &str) -> Result<Vec<PathBuf>> {
    let changed = output(&mut command("git", &["diff", "--name-only", "--no-renames", base]))?;
    let untracked = output(&mut command("git", &["ls-files", "--others", "--exclude-standard"]))?;
    let lines = [changed, untracked].map(|written| String::from_utf8_lossy(&written).into_owned());
    Ok(lines.iter().flat_map(|text| text.lines()).map(|path| root().join(path)).collect())
}

/// The packages in whose folders a path lies, by name.
fn changed<'a>(paths: &[PathBuf], folders: impl Iterator<Item = (&'a str, &'a Path)>) -> BTreeSet<String> {
    let touched = folders.filter(|(_, folder)| paths.iter().any(|path| path.starts_with(folder)));
    touched.map(|(package, _)| package.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_changes_with_a_file_in_its_folder() {
        let folders = [("a", Path::new("/tree/crates/a")), ("ab", Path::new("/tree/crates/ab"))];
        let check = |paths: &[&str], expect: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            assert_eq!(changed(&paths, folders.into_iter()), expect.iter().map(|name| (*name).to_owned()).collect());
        };
        check(&["/tree/crates/a/src/lib.rs", "/tree/README.md"], &["a"]);
        check(&["/tree/crates/ab/Cargo.toml", "/tree/crates/a/README.md"], &["a", "ab"]);
        check(&["/tree/Cargo.lock"], &[]);
    }
}
