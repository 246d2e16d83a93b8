//! Named steps with their times, and the external commands that they run.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Steps that all run, whatever became of the earlier ones, so that one pass shows every failure.
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
    /// Runs one step, saying when it starts and why it failed.
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

    /// Records a step that cannot run here, aloud, without failing.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("── {name}\nskipped: {reason}");
        self.done.push(Done { name: name.to_owned(), took: Duration::ZERO, mark: Mark::Skipped });
    }

    /// Prints what ran and how long it took; an error if any step failed.
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

/// The root of the work tree.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The cargo that runs this program, started at the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(program, arguments);
    // What cargo told this program of itself would look like a change to build scripts of dependencies.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// `program` with `arguments`, started at the root.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs `command` with the terminal's output; an error unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}`: {status}");
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to standard output; an error unless it exits with 0.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = line(command);
    command.stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}`: {}", output.status);
    }
    Ok(output.stdout)
}

/// The command as a person would type it.
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
    fn every_step_runs_and_the_failed_ones_are_named() {
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
    fn a_skipped_step_is_no_failure() {
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
    fn output_is_what_the_command_wrote() {
        let written = output(&mut command("sh", &["-c", "printf hello"])).unwrap();
        assert_eq!(written, b"hello");
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
