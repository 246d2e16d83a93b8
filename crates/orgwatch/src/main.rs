//! The analyst's command line.
//!
//! Exit codes: 0 done; 1 failed, with the reason on standard error; 2 wrong usage; 3 done, and there is an
//! incident at or above the severity given with `--fail-at`.

mod arguments;
mod commands;
mod output;
mod progress;
mod summary;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The result of a command that did its work.
pub(crate) enum Done {
    Quietly,
    /// There is an incident at or above `--fail-at`.
    WithIncidents,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Backtest(arguments) => commands::backtest::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments),
        Command::Simulate(arguments) => commands::simulate::run(&arguments),
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "orgwatch", &mut script);
            output::print(&String::from_utf8_lossy(&script)).map(|()| Done::Quietly)
        }
    };
    match done {
        Ok(Done::Quietly) => ExitCode::SUCCESS,
        Ok(Done::WithIncidents) => ExitCode::from(3),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}
