//! Prints the description of the API: `cargo run --quiet -p orgwatch-console --example describe > docs/openapi.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &console::openapi())?;
    writeln!(out)
}
