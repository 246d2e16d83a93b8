//! The console's pages in a browser: Debian's Chromium, driven by the scripts in `tests/pages`.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::steps::{Steps, command, root, run};
use crate::tools::{node, script};

/// The folder of the scripts.
const FOLDER: &str = "tests/pages";
/// Why the pages are not driven where there is no browser.
const NO_BROWSER: &str = "no browser drove the console's pages: install chromium, or name one in CHROMIUM";

/// Checks the types of all scripts, and drives the pages of the executables in `target/debug`.
pub(crate) fn steps(steps: &mut Steps) {
    steps.step("types of scripts", types);
    match browser() {
        Some(path) => steps.step("pages", || tests(&path)),
        None => steps.skip("pages", NO_BROWSER),
    }
}

/// Takes screenshots of the pages into a folder.
///
/// # Errors
/// If there is no browser, or a page fails.
pub(crate) fn screenshots(folder: &str) -> Result<()> {
    let browser = browser().context(NO_BROWSER)?;
    let script = root().join(FOLDER).join("screenshots.mjs");
    run(command(node()?, &[]).arg(script).arg(env::current_dir()?.join(folder)).env("CHROMIUM", browser))
}

/// Checks the types that the comments of our scripts name: those of the tests, and those that the console serves.
fn types() -> Result<()> {
    let compiler = script("pages", "typescript/bin/tsc");
    for project in ["tsconfig.json", "assets.tsconfig.json"] {
        run(command(node()?, &[]).arg(&compiler).arg("--project").arg(Path::new(FOLDER).join(project)))?;
    }
    Ok(())
}

fn tests(browser: &Path) -> Result<()> {
    // One run of `orgwatchd dev` for all files, which the set-up starts.
    let setup = ["--test", "--test-global-setup=tests/pages/setup.mjs", "tests/pages/*.test.mjs"];
    run(command(node()?, &setup).env("CHROMIUM", browser))
}

/// Returns the browser that `CHROMIUM` names, which may be missing, or else Debian's on `PATH`.
fn browser() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join("chromium")).find(|path| path.is_file())
}
