//! Named, timed steps, and the external commands that they run.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs every step even if earlier ones failed, so that one pass shows every failure.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
}

struct Done {
    name: String,
    took: Duration,
    mark: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Failed,
    Skipped,
}

impl Steps {
    /// Runs one step; prints its name first and its error afterwards.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        println!("── {name}");
        let start = Instant::now();
        let outcome = work();
        if let Err(error) = &outcome {
            println!("{error:#}");
        }
        let mark = if outcome.is_ok() { Mark::Ok } else { Mark::Failed };
        self.done.push(Done { name: name.to_owned(), took: start.elapsed(), mark });
    }

    /// Prints and records that a step cannot run here; this is not a failure.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("── {name}\nskipped: {reason}");
        self.done.push(Done { name: name.to_owned(), took: Duration::ZERO, mark: Mark::Skipped });
    }

    /// Prints each step with its result and time; returns an error if any failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!("──");
        for step in &self.done {
            let mark = match step.mark {
                Mark::Ok => "ok",
                Mark::Failed => "FAILED",
                Mark::Skipped => "skipped",
            };
            println!("{mark:>7}  {:>7.1} s  {}", step.took.as_secs_f64(), step.name);
        }
        let failed = self.done.iter().filter(|step| step.mark == Mark::Failed);
        let failed: Vec<&str> = failed.map(|step| step.name.as_str()).collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

/// Returns the root of the work tree.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Returns a command for the cargo that runs this program, started at the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(program, arguments);
    // Build scripts of dependencies would run again if they saw the variables that cargo has set for this program.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Returns a command for `program` with `arguments`, started at the root.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs `command` with its output on the terminal; returns an error unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}`: {status}");
    }
    Ok(())
}

/// Runs `command` and returns its standard output; returns an error unless it exits with 0.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = line(command);
    command.stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}`: {}", output.status);
    }
    Ok(output.stdout)
}

/// The command line as a person would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy()];
    words.extend(command.get_args().map(OsStr::to_string_lossy));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_failed_steps_are_named() {
        let mut steps = Steps::default();
        let mut ran = Vec::new();
        steps.step("first", || bail!("broken"));
        steps.step("second", || {
            ran.push("second");
            Ok(())
        });
        let error = steps.finish().unwrap_err();
        assert_eq!(ran, ["second"]);
        assert_eq!(error.to_string(), "failed: first");
    }

    #[test]
    fn a_skipped_step_does_not_fail() {
        let mut steps = Steps::default();
        steps.skip("later", "not here");
        assert!(steps.finish().is_ok());
    }

    #[test]
    fn a_failing_command_is_named_without_its_folder() {
        let error = run(&mut command("/bin/sh", &["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3`: exit status: 3");
    }

    #[test]
    fn output_returns_standard_output() {
        let written = output(&mut command("sh", &["-c", "printf hello"])).unwrap();
        assert_eq!(written, b"hello");
    }

    #[test]
    fn the_root_has_the_lock_file() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
