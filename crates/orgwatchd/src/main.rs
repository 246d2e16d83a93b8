//! `orgwatchd`: every service and operation of orgwatch.

use std::process::ExitCode;

fn main() -> ExitCode {
    orgwatchd::main()
}
