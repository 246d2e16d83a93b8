//! `orgwatchd`: every service and operation of orgwatch.

use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    orgwatchd::main()
}
